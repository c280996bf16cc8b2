"""The shape of the main DAG: order, mapping, trigger rules, form."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.sdk import DAG, TriggerRule
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.exceptions import ParamValidationError

ROOT = Path(__file__).resolve().parents[2]

EDGES = {
    "plan": set(),
    "read_request": {"plan"},
    "missing_trials": {"plan"},
    "train": {"missing_trials"},
    "validate": {"read_request", "train"},
    "repairs": {"validate"},
    "train_again": {"repairs"},
    "validate_again": {"train_again"},
    "aggregate": {"validate_again"},
    "publish": {"aggregate"},
    "announce": {"publish"},
}


def test_order(dag: DAG):
    assert {task.task_id: task.upstream_task_ids for task in dag.tasks} == EDGES


def test_demo_knows_the_order(dag: DAG):
    from mempipe.orchestration.embedded.demo import DAG_ID, TASKS

    assert dag.dag_id == DAG_ID
    assert set(TASKS) == set(dag.task_ids)
    for task in dag.tasks:
        for upstream in task.upstream_task_ids:
            assert TASKS.index(upstream) < TASKS.index(task.task_id)


def test_training_is_mapped_over_what_is_missing(dag: DAG):
    for task_id, source in {"train": "missing_trials", "train_again": "repairs"}.items():
        task = dag.get_task(task_id)
        assert isinstance(task, MappedOperator)
        assert {operator.task_id for operator in task.iter_mapped_dependencies()} == {source}


def test_an_empty_map_stops_nothing(dag: DAG):
    """A mapped task without parts is skipped: what follows must run all the same, except the second validation."""
    rules = {task.task_id: task.trigger_rule for task in dag.tasks}
    assert rules.pop("validate") is TriggerRule.NONE_FAILED
    assert rules.pop("validate_again") is TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    assert rules.pop("aggregate") is TriggerRule.NONE_FAILED
    assert set(rules.values()) == {TriggerRule.ALL_SUCCESS}


def test_the_second_validation_depends_on_repairs_alone(dag: DAG):
    """Any other success upstream would make it run where nothing was repaired."""
    assert dag.get_task("validate_again").upstream_task_ids == {"train_again"}


def test_steps_run_on_the_requested_run(dag: DAG):
    def read(field: str) -> str:
        return f"{{{{ ti.xcom_pull(task_ids='read_request')['{field}'] }}}}"

    run, trials, name = read("run"), read("trials"), read("release_name")
    for task_id in ("validate", "validate_again"):
        assert dag.get_task(task_id).arguments == ["validate", run, "--trials", trials]
    assert dag.get_task("aggregate").arguments == ["aggregate", run, "--trials", trials]
    named = ["--name", name, "--request", read("published")]
    assert dag.get_task("publish").arguments == ["publish", run, "--trials", trials, *named]


def test_only_the_announcement_changes_the_asset(dag: DAG):
    changing = {task.task_id: [asset.uri for asset in task.outlets] for task in dag.tasks if task.outlets}
    assert changing == {"announce": ["mempipe://releases/"]}


def test_form_suggests_the_specs(dag: DAG):
    spec = dag.params.get_param("spec")
    assert spec.value.endswith("specs/digits.yaml")
    assert spec.value in spec.schema["examples"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trials", None),
        ("trials", 1),
        ("add_trials", 500),
        ("chunk_size", None),
        ("task_size", 3),
        ("store", "/mnt/store"),
        ("store", "gs://bucket/folder"),
        ("spec", "gs://bucket/spec.yaml"),
        ("release_name", None),
        ("release_name", "digits-2"),
    ],
)
def test_form_accepts(dag: DAG, field: str, value: object):
    assert dag.params.get_param(field).resolve(value) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trials", 0),
        ("trials", "many"),
        ("add_trials", -1),
        ("chunk_size", 0),
        ("task_size", 0),
        ("store", "relative/folder"),
        ("store", ""),
        ("spec", ""),
        ("release_name", "Not/A Name"),
    ],
)
def test_form_refuses(dag: DAG, field: str, value: object):
    with pytest.raises(ParamValidationError):
        dag.params.get_param(field).resolve(value)


def test_everything_may_be_left_empty(dag: DAG):
    dag.params.validate()


def test_on_a_cluster_and_on_a_schedule():
    """The same file, with other settings: pods instead of processes, and a schedule that extends the estimate."""
    program = """
import json, sys
sys.path.insert(0, "dags")
from estimate_scores import dag
from airflow.serialization.serialized_objects import DagSerialization
copy = DagSerialization.from_dict(DagSerialization.to_dict(dag))
kinds = {task_id: copy.get_task(task_id).task_type for task_id in copy.task_ids}
params = {name: dag.params[name] for name in ("store", "add_trials", "trials")}
print(json.dumps({"kinds": kinds, "params": params, "timetable": copy.timetable.summary}))
"""
    settings = {
        "MEMPIPE_EXECUTION": "kubernetes",
        "MEMPIPE_IMAGE": "registry/mempipe-trainer:1.0",
        "MEMPIPE_STORE": "gs://bucket/scores",
        "MEMPIPE_SCHEDULE": "0 3 * * *",
        "MEMPIPE_ADD_TRIALS": "400",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | settings,
    )
    states = json.loads(done.stdout.splitlines()[-1])
    assert states["params"] == {"store": "gs://bucket/scores", "add_trials": 400, "trials": None}
    assert states["timetable"] == "0 3 * * *"
    small = {"read_request", "missing_trials", "repairs", "announce"}
    assert {task_id for task_id, kind in states["kinds"].items() if kind == "MempipePodOperator"} == set(EDGES) - small
