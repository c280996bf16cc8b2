"""What a DAG needs to know from the store: the requested run, its missing trials, the newest release, a result.

Each function is the body of a small Airflow task: it returns URIs, names and ranges of trials, never data. The store is
imported when they run, not when the DAG is parsed.
"""

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, TypedDict

from mempipe.places import LATEST, parse_result_uri, releases_place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mempipe.runs import Run, Span
    from mempipe.storage.protocol import Store

PUBLISHED: Final = ".published"
"""End of the name of the request that tells which release a requested run became."""


class Requested(TypedDict):
    """What `mempipe plan --request ID` wrote down, as strings, ready to be arguments.

    Attributes:
        run: the run's URI.
        trials: how many trials it is to have.
        release_name: under which name it is published.
        published: name of the request under which `mempipe publish` writes down which release it became.
    """

    run: str
    trials: str
    release_name: str
    published: str


def read_requested(store_uri: str, request: str, release_name: str | None) -> Requested:
    """Return the run that a DAG run asked for.

    Args:
        store_uri: what the form says.
        request: its name (`request_id`).
        release_name: what the form says; None: the spec's name.
    """
    from mempipe.runs import open_run
    from mempipe.storage import open_store

    asked = answer(store_uri, request)
    run = open_run(open_store(asked["run"]))
    return Requested(
        run=run.uri,
        trials=str(asked["trials"]),
        release_name=release_name or run.record.spec.name,
        published=request + PUBLISHED,
    )


def published_release(store_uri: str, request: str) -> str:
    """Return the URI of the release that the run of a request became, which need not be the newest of its name."""
    return str(answer(store_uri, request + PUBLISHED)["release"])


def missing_trials(store_uri: str, request: str) -> list[list[str]]:
    """Return the arguments of `mempipe train`, one list a task, for the planned tasks of which any trial is missing."""
    from mempipe.runs import open_run, read_plan
    from mempipe.storage import open_store

    run = open_run(open_store(answer(store_uri, request)["run"]))
    return _training(run, read_plan(run.store).tasks)


def answer(store_uri: str, request: str) -> dict[str, Any]:
    """Return what a command wrote down under the name of a request (`--request ID`)."""
    from mempipe.steps.requests import read_answer
    from mempipe.storage import open_store

    return read_answer(open_store(store_uri), request)


def missing_of_experiment(store_uri: str, request: str) -> list[list[str]]:
    """Return the arguments of `mempipe train`, one list a task, for what an experiment's runs miss of its plan."""
    from mempipe.experiments.plan import read_experiment_plan
    from mempipe.runs import open_run
    from mempipe.storage import open_store, split_object_uri

    plan = read_experiment_plan(*split_object_uri(answer(store_uri, request)["plan"]))
    return [
        arguments
        for run_uri, tasks in groupby(plan.tasks, key=lambda task: task.run)
        for arguments in _training(open_run(open_store(run_uri)), [task.trials for task in tasks])
    ]


def found_result(store_uri: str, request: str) -> dict[str, str]:
    """Return what the event of a result tells: its own URI, the experiment's name, the release's name, id and URI."""
    from mempipe.experiments.plan import read_experiment_plan
    from mempipe.storage import split_object_uri

    found = answer(store_uri, request)
    plan = read_experiment_plan(*split_object_uri(found["plan"]))
    release = parse_result_uri(found["result"])
    return {
        "result": found["result"],
        "experiment": plan.experiment,
        "release": plan.release,
        "name": release.name,
        "id": release.id,
    }


def identify_release(uri: str) -> dict[str, str]:
    """Return name, id and, as `release`, URI of a release, or of the newest one of a name.

    Raises:
        ReleaseError: there is none.
    """
    from mempipe.release.load import load_release

    release = load_release(uri)
    return {"name": release.manifest.name, "id": release.manifest.id, "release": release.uri}


def _training(run: "Run", spans: "Iterable[Span]") -> list[list[str]]:
    """Return `train` commands for those spans of which any trial is missing."""
    committed = run.shards()
    missing = [span for span in spans if run.missing(span, committed=committed)]
    return [["train", run.uri, "--trials", f"{span.start}:{span.stop}"] for span in missing]


def newest_release(store_uri: str, name: str) -> dict[str, str]:
    """Return the newest release of that name: its `name`, its `id` and, as `release`, its URI."""
    from mempipe.storage import open_store

    releases: Store = open_store(store_uri).child(releases_place(name))
    release_id = json.loads(releases.read(LATEST))["release"]
    return {"name": name, "id": release_id, "release": releases.child(release_id).uri}
