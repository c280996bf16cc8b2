"""A release is announced, and by that alone what waits for it runs: a real Airflow, its real asset events."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from mempipe.orchestration.embedded.api import Api
from mempipe.orchestration.embedded.components import free_port
from mempipe.orchestration.embedded.home import Home
from mempipe.orchestration.embedded.server import Server, running
from tests.report.site import script
from tests.tiny import TINY

pytestmark = pytest.mark.demo

DAGS = Path(__file__).resolve().parents[2] / "dags"
PATIENCE_SECONDS = 240  # for each of three waits, which share about 110 s of processor time
WATCHED = ("estimate_scores", "experiment_pairs", "publish_report")
OTHERS = ("experiment_examples", "experiment_histograms", "experiment_pair_examples")


class Observer(Api):
    """Sees what started the runs of a DAG."""

    def pause(self, dag_id: str) -> None:
        """Let the DAG not start."""
        self._client.patch(f"dags/{dag_id}", json={"is_paused": True}).raise_for_status()

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the DAG's runs, oldest first."""
        answer = self._get(f"dags/{dag_id}/dagRuns", params={"order_by": "run_after"})["dag_runs"]
        return [{"id": run["dag_run_id"], "type": run["run_type"], "state": run["state"]} for run in answer]

    def assets_behind(self, dag_id: str, run_id: str) -> set[str]:
        """Return the names of the assets whose events started a run."""
        events = self._get(f"dags/{dag_id}/dagRuns/{run_id}/upstreamAssetEvents")["asset_events"]
        return {event["name"] for event in events}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """An Airflow with the DAGs that wait for a release; of the four experiments among them only one."""
    home = Home(folder=tmp_path / "airflow", dags=DAGS, specs=tmp_path, store=str(tmp_path / "store"), port=free_port())
    with home.locked(), running(home, keep_parsing=False) as started:
        for dag_id in (*WATCHED, *OTHERS):
            started.wait_for_dag(dag_id)
        yield started


@pytest.fixture
def observer(server: Server) -> Iterator[Observer]:
    with closing(Observer(server.home.url)) as api:
        yield api


def wait_until(condition: Callable[[], bool], server: Server, observer: Observer, *, what: str) -> None:
    """Wait until the condition holds; no longer where a DAG run failed."""
    deadline, state = time.monotonic() + PATIENCE_SECONDS, "none"
    while time.monotonic() < deadline:
        server.components.check()
        try:
            if condition():
                return
            runs = [(dag, run) for dag in WATCHED for run in observer.runs(dag)]
        except httpx.HTTPError as error:  # SQLite may be busy for a moment
            state = str(error)
        else:
            state = "\n".join(f"  {dag}: {run}" for dag, run in runs)
            assert not any(run["state"] == "failed" for _, run in runs), f"a DAG run failed:\n{state}"
        time.sleep(0.5)
    raise AssertionError(f"not within {PATIENCE_SECONDS} s: {what}; DAG runs:\n{state}")


def test_a_release_starts_what_waits_for_it(server: Server, observer: Observer, tmp_path: Path) -> None:
    store = tmp_path / "store"
    for dag_id in OTHERS:
        observer.pause(dag_id)
    (tmp_path / "tiny.yaml").write_text(TINY)
    run_id = observer.trigger("estimate_scores", {"spec": str(tmp_path / "tiny.yaml"), "store": str(store)})

    def done(dag_id: str, asset: str) -> bool:
        """Tell whether an event of the asset started the DAG, and it ended well."""
        return any(
            run["state"] == "success" and asset in observer.assets_behind(dag_id, run["id"])
            for run in observer.runs(dag_id)
        )

    wait_until(
        lambda: observer.run_state("estimate_scores", run_id) == "success", server, observer, what="scores estimated"
    )
    wait_until(
        lambda: done("experiment_pairs", "mempipe_releases"), server, observer, what="pairs started by the release"
    )
    wait_until(
        lambda: done("publish_report", "mempipe_results"), server, observer, what="a report started by the result"
    )
    for dag_id in ("experiment_pairs", "publish_report"):
        assert {run["type"] for run in observer.runs(dag_id)} == {"asset_triggered"}

    release = json.loads((store / "releases" / "tiny" / "latest.json").read_text())["release"]
    (result,) = (store / "experiments" / "tiny" / release).glob("pairs-*.json")
    report = store / "reports" / "tiny" / release
    assert (report / "index.html").exists()
    assert (report / "downloads" / result.name).read_bytes() == result.read_bytes()
    assert [entry["result"]["experiment"] for entry in script(report, "experiments")] == ["pairs"]
