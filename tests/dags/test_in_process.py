"""The DAGs of the experiments and of the report run, task by task, on a real release."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.command import mempipe
from tests.tiny import TINY

pytestmark = pytest.mark.demo

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("airflow")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    (folder / "tiny.yaml").write_text(TINY)
    mempipe("run", folder / "tiny.yaml", "--store", folder, timeout=600)
    return folder


def run(home: Path, dag_id: str, **conf: Any) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.dags.run_dag", dag_id, json.dumps(conf)],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        cwd=ROOT,
        env=os.environ | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_an_experiment_is_planned_trained_found_and_announced_once(home: Path, store: Path) -> None:
    params = {"release": str(store / "releases" / "tiny"), "store": None, "repeats": 2}
    first = run(home, "experiment_influencers", **params)
    assert first["state"] == "success", first
    repairs = {"train_again.-1", "validate_again.-1"}
    assert {task for task, state in first["tasks"].items() if state != "success"} == repairs
    (result,) = store.glob("experiments/tiny/*/influencers-*.json")
    ((name, extra),) = first["events"]
    assert name == "mempipe_results"
    assert extra["results"] == [
        {
            "result": str(result),
            "experiment": "influencers",
            "release": str(store / "releases" / "tiny" / result.parent.name),
            "name": "tiny",
            "id": result.parent.name,
        }
    ]
    alone = mempipe("experiment", "influencers", params["release"], "--repeats", "2").stdout.splitlines()[-1]
    assert alone == str(result)  # its name ends with the digest of what was found

    second = run(home, "experiment_influencers", **params)
    assert second["state"] == "success", second
    skipped = {task for task, state in second["tasks"].items() if state == "skipped"}
    assert {task.partition(".")[0] for task in skipped} == {
        *("train", "train_again", "validate_again", "announce_results")
    }
    assert second["events"] == first["events"]


def test_a_corrupt_shard_is_moved_aside_and_trained_again_in_the_same_dag_run(home: Path, store: Path) -> None:
    release = str(store / "releases" / "tiny")
    before = mempipe("experiment", "influencers", release, "--repeats", "3", timeout=600).stdout.splitlines()[-1]
    removal = json.loads(Path(before).read_text())["runs"][-1]
    shards = sorted(Path(removal["uri"]).glob("shards/*.npz"))
    whole = [shard.read_bytes() for shard in shards]
    shards[0].write_bytes(whole[0][:100])

    results = run(home, "experiment_influencers", release=release, store=None, repeats=3)
    assert results["state"] == "success", results
    states = {task.partition(".")[0]: state for task, state in results["tasks"].items()}
    assert states["train"] == "skipped"
    assert {states[task] for task in ("train_again", "validate_again", "finish")} == {"success"}
    assert sorted(Path(removal["uri"]).glob("shards/*.npz")) == shards
    assert [shard.read_bytes() for shard in shards] == whole
    assert list(Path(removal["uri"]).glob("quarantine/*.npz"))
    event = results["events"][-1][1]["results"]
    assert [item["result"] for item in event] == [before]  # what was found is what it was


def test_the_last_layer_from_features_to_the_comparison(home: Path, store: Path) -> None:
    params = {"release": str(store / "releases" / "tiny"), "store": None, "trials": 20, "epochs": 5}
    results = run(home, "experiment_last_layer", **params)
    assert results["state"] == "success", results
    skipped = {task.partition(".")[0] for task, state in results["tasks"].items() if state == "skipped"}
    assert skipped == {"train_again", "validate_again"}
    (result,) = store.glob("experiments/tiny/*/last-layer-*.json")
    linear = json.loads((store / "releases" / "tiny-last-layer" / "latest.json").read_text())["release"]
    assert "-t20-" in linear
    assert json.loads(result.read_text())["other_releases"] == [linear]
    (released, extra) = next(event for event in reversed(results["events"]) if event[0] == "mempipe_releases")
    assert (released, extra["id"]) == ("mempipe_releases", linear)


def test_what_only_reads_needs_no_training(home: Path, store: Path) -> None:
    results = run(home, "experiment_pairs", release=str(store / "releases" / "tiny"))
    assert results["state"] == "success", results
    assert {task.partition(".")[0] for task in results["tasks"]} == {
        *("releases", "plan", "plans", "finish", "announce_results")
    }
    assert list(store.glob("experiments/tiny/*/pairs-*.json"))


def test_the_report_lies_in_the_store(home: Path, store: Path) -> None:
    results = run(home, "publish_report", release=str(store / "releases" / "tiny"), store=str(store))
    assert results["state"] == "success", results
    (page,) = store.glob("reports/tiny/tiny-*/index.html")
    assert "tiny" in page.read_text()
