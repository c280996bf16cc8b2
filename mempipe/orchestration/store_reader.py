"""Reads for DAGs from the store: the planned run, its missing trials, the newest release, a result.

Each function is the body of a small Airflow task: it returns URIs, names and ranges of trials, never data. It imports
the store's modules when it runs, not when the DAG is parsed.
"""

from itertools import groupby
from typing import TYPE_CHECKING, Final, TypedDict

from mempipe.places import parse_result_uri, release_place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mempipe.runs import Run, Span

PUBLISHED: Final = ".published"
"""Suffix of the name of the request whose answer is the run's release."""


class RunArguments(TypedDict):
    """The run that `mempipe plan --request ID` planned, as arguments of the next commands.

    Attributes:
        run: the run's URI.
        trials: its planned trials, for `--trials`.
        release_name: name of its release.
        published: name of the request whose answer, by `mempipe publish`, is its release.
    """

    run: str
    trials: str
    release_name: str
    published: str


def read_run_request(store_uri: str, request: str, release_name: str | None) -> RunArguments:
    """Return the run that was planned for a DAG run.

    Args:
        store_uri: the form's store.
        request: name of the request (`request_id`).
        release_name: the form's release name; None: the spec's name.
    """
    from mempipe.catalog.requests import RunRequest, read_request
    from mempipe.runs import open_run
    from mempipe.storage import open_store

    plan = read_request(open_store(store_uri), request, RunRequest)
    run = open_run(open_store(plan.run))
    return RunArguments(
        run=run.uri,
        trials=plan.trials_option,
        release_name=release_name or run.record.spec.name,
        published=request + PUBLISHED,
    )


def planned_run(store_uri: str, request: str) -> str:
    """Return the URI of the run planned for a request."""
    from mempipe.catalog.requests import RunRequest, read_request
    from mempipe.storage import open_store

    return read_request(open_store(store_uri), request, RunRequest).run


def published_release(store_uri: str, request: str) -> str:
    """Return the URI of the release of a request's run, which need not be the newest of its name."""
    from mempipe.catalog.requests import ReleaseRequest, read_request
    from mempipe.storage import open_store

    return read_request(open_store(store_uri), request + PUBLISHED, ReleaseRequest).release


def features_spec(store_uri: str, request: str) -> str:
    """Return the URI of the spec of linear models that `mempipe experiment features --request ID` wrote."""
    from mempipe.catalog.requests import FeaturesRequest, read_request
    from mempipe.storage import open_store

    return read_request(open_store(store_uri), request, FeaturesRequest).spec


def experiment_plan(store_uri: str, request: str) -> str:
    """Return the URI of the plan of a request's experiment."""
    from mempipe.catalog.requests import ExperimentRequest, read_request
    from mempipe.storage import open_store

    return read_request(open_store(store_uri), request, ExperimentRequest).plan


def read_experiment_request(store_uri: str, request: str) -> dict[str, str]:
    """Return arguments of the commands after `mempipe experiment plan`: the URI `plan` and the name `request`."""
    return {"plan": experiment_plan(store_uri, request), "request": request}


def missing_trials(store_uri: str, request: str) -> list[list[str]]:
    """Return the arguments of `mempipe train`, one list for each planned task with a missing trial."""
    from mempipe.runs import open_run, read_plan
    from mempipe.storage import open_store

    run = open_run(open_store(planned_run(store_uri, request)))
    return _training(run, read_plan(run.store).tasks)


def missing_of_experiment(store_uri: str, request: str) -> list[list[str]]:
    """Return the arguments of `mempipe train`, one list for each task of an experiment's plan with a missing trial."""
    from mempipe.experiments.plan import read_experiment_plan
    from mempipe.runs import open_run
    from mempipe.storage import open_store, split_object_uri

    plan = read_experiment_plan(*split_object_uri(experiment_plan(store_uri, request)))
    return [
        arguments
        for run_uri, tasks in groupby(plan.tasks, key=lambda task: task.run)
        for arguments in _training(open_run(open_store(run_uri)), [task.trials for task in tasks])
    ]


def experiment_result(store_uri: str, request: str) -> dict[str, str]:
    """Return the event data of a result: its URI, the experiment's name, and the release's name, id and URI.

    Raises:
        RunError: the experiment is not finished.
    """
    from mempipe.catalog.requests import FinishedExperimentRequest, read_request
    from mempipe.experiments.plan import read_experiment_plan
    from mempipe.storage import open_store, split_object_uri

    answer = read_request(open_store(store_uri), request, FinishedExperimentRequest)
    plan = read_experiment_plan(*split_object_uri(answer.plan))
    release = parse_result_uri(answer.result)
    return {
        "result": answer.result,
        "experiment": plan.experiment,
        "release": plan.release,
        "name": release.name,
        "id": release.id,
    }


def identify_release(uri: str) -> dict[str, str]:
    """Return `name`, `id` and URI (`release`) of a release, or of the newest release of a name.

    Raises:
        ReleaseError: there is no release.
    """
    from mempipe.release.load import load_release

    release = load_release(uri)
    return {"name": release.manifest.name, "id": release.manifest.id, "release": release.uri}


def newest_release(store_uri: str, name: str) -> dict[str, str]:
    """Return `name`, `id` and URI (`release`) of the newest release of a name."""
    from mempipe.catalog.releases import read_latest
    from mempipe.storage import open_store

    root = open_store(store_uri)
    latest = read_latest(root, name)
    return {"name": name, "id": latest.release, "release": root.child(release_place(name, latest.release)).uri}


def _training(run: "Run", spans: "Iterable[Span]") -> list[list[str]]:
    """Return the arguments of `mempipe train` for each span with a missing trial."""
    committed = run.shards()
    missing = [span for span in spans if run.missing(span, committed=committed)]
    return [["train", run.uri, "--trials", str(span)] for span in missing]
