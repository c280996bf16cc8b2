"""What the DAG reads from the store, written by the real writers."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mempipe.errors import ObjectNotFoundError, RunError
from mempipe.experiments.plan import ExperimentPlan, PlannedTask
from mempipe.orchestration.store_reader import (
    experiment_result,
    missing_of_experiment,
    missing_trials,
    newest_release,
    read_run_request,
)
from mempipe.release.manifest import Latest
from mempipe.runs import DataInfo, Plan, RunRecord, Span, shard_key, write_plan
from mempipe.spec import parse_spec
from mempipe.storage import open_store

SPEC = parse_spec((Path(__file__).parents[2] / "specs" / "digits.yaml").read_text(), source="specs/digits.yaml")


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Return a store with one planned run, as `mempipe plan --request asked` leaves it."""
    root = open_store(str(tmp_path / "store"))
    run = root.child("runs/digits-0123456789ab")
    data = DataInfo(name="digits", fingerprint="f", n_train=3, n_test=2, class_names=("0", "1"), image_shape=(8, 8, 1))
    record = RunRecord(run_key="0" * 64, numerics_version=1, spec=SPEC, data=data, subset_size=2)
    run.create("run.json", record.to_json())
    write_plan(
        run, Plan(trials=500, n_missing=200, tasks=(Span(0, 100), Span(400, 500)), data=SPEC.data, influence="class")
    )
    root.create("requests/asked.json", json.dumps({"run": run.uri, "trials": 500}).encode())
    return root.uri


def test_the_requested_run(store: str):
    requested = read_run_request(store, "asked", None)
    assert requested["run"].endswith("runs/digits-0123456789ab")
    assert requested == {
        "run": requested["run"],
        "trials": "500",
        "release_name": "digits",
        "published": "asked.published",
    }
    assert read_run_request(store, "asked", "other")["release_name"] == "other"


def test_missing_trials_are_arguments_of_training(store: str):
    run = read_run_request(store, "asked", None)["run"]
    assert missing_trials(store, "asked") == [
        ["train", run, "--trials", "0:100"],
        ["train", run, "--trials", "400:500"],
    ]


def test_a_task_that_was_trained_since_the_plan_is_left_out(store: str):
    run = read_run_request(store, "asked", None)["run"]
    for span in (Span(0, 50), Span(50, 100), Span(400, 450)):
        open_store(run).create(shard_key(span), b"shard")
    assert missing_trials(store, "asked") == [["train", run, "--trials", "400:500"]]


def test_nothing_missing_is_an_empty_map(store: str):
    run = open_store(read_run_request(store, "asked", None)["run"])
    write_plan(run, Plan(trials=500, n_missing=0, tasks=(), data=SPEC.data, influence="class"))
    assert missing_trials(store, "asked") == []


def test_a_request_that_was_never_answered(store: str):
    with pytest.raises(ObjectNotFoundError):
        read_run_request(store, "never", None)


def test_the_newest_release(store: str):
    releases = open_store(store).child("releases/digits")
    created = datetime(2026, 1, 1, tzinfo=UTC)
    latest = Latest(release="digits-500-abc", key="0" * 64, content_digest="1" * 64, n_trials=500, created=created)
    releases.create("latest.json", latest.to_json())
    release = newest_release(store, "digits")
    assert release["name"] == "digits"
    assert release["id"] == "digits-500-abc"
    assert release["release"] == releases.child("digits-500-abc").uri
    assert release["release"].endswith("/" + release["id"])


@pytest.fixture
def experiment(store: str) -> str:
    """Plan an experiment on the one run, in two tasks, as `mempipe experiment plan --request wanted` leaves it."""
    run = read_run_request(store, "asked", None)["run"]
    place = open_store(store).child("experiments/digits/digits-1")
    plan = ExperimentPlan(
        experiment="influencers",
        release=f"{store}/releases/digits/digits-1",
        store=store,
        params={},
        runs=(),
        tasks=(PlannedTask(run=run, trials=Span(0, 50)), PlannedTask(run=run, trials=Span(50, 100))),
    )
    place.create("plans/influencers-0.json", plan.model_dump_json().encode())
    uri = f"{place.uri}/plans/influencers-0.json"
    open_store(store).create("requests/wanted.json", json.dumps({"plan": uri}).encode())
    return run


def test_missing_trials_of_an_experiment(store: str, experiment: str):
    first, second = (["train", experiment, "--trials", trials] for trials in ("0:50", "50:100"))
    assert missing_of_experiment(store, "wanted") == [first, second]
    open_store(experiment).create(shard_key(Span(0, 50)), b"shard")
    assert missing_of_experiment(store, "wanted") == [second]
    open_store(experiment).create(shard_key(Span(50, 100)), b"shard")
    assert missing_of_experiment(store, "wanted") == []


def test_what_a_result_tells(store: str, experiment: str):
    uri = f"{store}/experiments/digits/digits-1/influencers-0123456789ab.json"
    plan = json.loads(open_store(store).read("requests/wanted.json"))["plan"]
    open_store(store).create("requests/done.json", json.dumps({"plan": plan, "result": uri}).encode())
    assert experiment_result(store, "done") == {
        "result": uri,
        "experiment": "influencers",
        "release": f"{store}/releases/digits/digits-1",
        "name": "digits",
        "id": "digits-1",
    }


def test_an_experiment_that_is_not_finished_has_no_result(store: str, experiment: str):
    with pytest.raises(RunError, match=r"wanted\.json is damaged \(result: Field required\)"):
        experiment_result(store, "wanted")


def test_a_plan_that_vanished(store: str, experiment: str):
    open_store(store).create("requests/lost.json", json.dumps({"plan": f"{store}/no/plan.json"}).encode())
    with pytest.raises(RunError, match="Experiment was not planned"):
        missing_of_experiment(store, "lost")
