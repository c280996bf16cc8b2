"""The pipeline on the cluster gives the release of one machine."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from mempipe.experiments.registry import available
from mempipe.places import SIDECARS
from tests.cluster.artifacts import artifacts
from tests.cluster.estimates import DAG_ID, TRAIN, Estimate, digits, estimate
from tests.cluster.installation import STORE, Installation, helm
from tests.command import mempipe

pytestmark = pytest.mark.cluster


def test_the_installation_passes_its_own_check(airflow: Installation) -> None:
    """`helm test`, as NOTES tells the user."""
    output = helm("test", "mempipe", "--namespace", str(airflow.kubectl.namespace), "--logs", seconds=180)
    assert "Succeeded" in output
    assert output.count("\nok  ") == 6, output
    assert "FAILED" not in output


def test_airflow_is_healthy_and_has_its_pools(airflow: Installation) -> None:
    health = airflow.api.health()
    assert {health[part]["status"] for part in ("metadatabase", "scheduler", "triggerer", "dag_processor")} == {
        "healthy"
    }
    assert airflow.api.import_errors() == []
    experiments = {f"experiment_{name.replace('-', '_')}" for name in available()}
    assert airflow.api.dag_ids() == {DAG_ID, "publish_report"} | experiments
    assert {"mempipe_train", "mempipe_cpu"} <= set(airflow.api.pools())


def test_the_release_is_that_of_one_machine(airflow: Installation, tmp_path: Path) -> None:
    """Pods, a bucket and Airflow change nothing: same run key, same digest, so the same release id."""
    spec = digits("same-everywhere")
    with estimate(airflow, spec) as started:
        assert started.wait() == "success"
        log = started.wait_for_log(started.task("train"), "trials 0 to 49: created")  # the pod is gone
        artifacts().joinpath("seconds-to-first-trial.json").write_text(json.dumps(_seconds_to_first_trial(started)))
    latest = json.loads(airflow.store.store("store/releases/same-everywhere").read("latest.json"))["release"]

    local = tmp_path / "spec.yaml"
    local.write_text(json.dumps(spec))  # JSON is YAML
    alone = mempipe("run", local, "--store", tmp_path / "store").stdout.splitlines()[-1]
    assert Path(alone).name == latest

    assert "gs://mempipe-test/logs/" in log  # where Airflow says it found the log
    assert airflow.training.items("pod", selector=TRAIN) == []
    news = [event["extra"] for event in airflow.api.asset_events()]
    assert {"name": "same-everywhere", "id": latest, "release": f"{STORE}/releases/same-everywhere/{latest}"} in news


def _seconds_to_first_trial(started: Estimate) -> float:
    """Return the time from the first training pod's node to its first trial: pull, start, imports, data set."""
    store = started.run().store
    begun = [datetime.fromisoformat(json.loads(store.read(info.key))["started"]) for info in store.list(SIDECARS)]
    scheduled = started.pods_started()
    return (min(begun) - min(scheduled.values())).total_seconds()
