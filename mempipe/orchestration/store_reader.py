"""What a DAG needs to know from the store: the requested run, its missing trials, the newest release.

Each function is the body of a small Airflow task: it returns URIs, names and ranges of trials, never data. The store is
imported when they run, not when the DAG is parsed.
"""

import json
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from mempipe.storage.protocol import Store


class Requested(TypedDict):
    """What `mempipe plan --request ID` wrote down, as strings, ready to be arguments.

    Attributes:
        run: the run's URI.
        trials: how many trials it is to have.
        release_name: under which name it is published.
    """

    run: str
    trials: str
    release_name: str


def read_requested(store_uri: str, request: str, release_name: str | None) -> Requested:
    """Return the run that a DAG run asked for.

    Args:
        store_uri: what the form says.
        request: its name (`request_id`).
        release_name: what the form says; None: the spec's name.
    """
    from mempipe.runs import open_run
    from mempipe.storage import open_store

    answer = json.loads(open_store(store_uri).read(f"requests/{request}.json"))
    run = open_run(open_store(answer["run"]))
    return Requested(run=run.uri, trials=str(answer["trials"]), release_name=release_name or run.record.spec.name)


def missing_trials(store_uri: str, request: str) -> list[list[str]]:
    """Return the arguments of `mempipe train`, one list a task, for the planned tasks of which any trial is missing."""
    from mempipe.runs import open_run, read_plan
    from mempipe.storage import open_store

    run = open_run(open_store(json.loads(open_store(store_uri).read(f"requests/{request}.json"))["run"]))
    committed = run.shards()
    tasks = [span for span in read_plan(run.store).tasks if run.missing(span, committed=committed)]
    return [["train", run.uri, "--trials", f"{span.start}:{span.stop}"] for span in tasks]


def newest_release(store_uri: str, name: str) -> dict[str, str]:
    """Return the newest release of that name: its `name`, its `id` and, as `release`, its URI."""
    from mempipe.storage import open_store

    releases: Store = open_store(store_uri).child(f"releases/{name}")
    release_id = json.loads(releases.read("latest.json"))["release"]
    return {"name": name, "id": release_id, "release": releases.child(release_id).uri}
