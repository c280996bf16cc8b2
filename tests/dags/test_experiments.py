"""One DAG for each experiment: order, mapping, schedule, form."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, AssetAny, TriggerRule
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.exceptions import ParamValidationError

from mempipe.experiments.registry import available, experiment, is_automatic
from mempipe.orchestration.assets import RELEASES, RESULTS
from tests.plugin_package import write_lab

ROOT = Path(__file__).resolve().parents[2]
NAMES = [name for name in available() if name != "last-layer"]

TRAINING = {
    "plan": set(),
    "read_request": {"plan"},
    "missing_trials": {"plan"},
    "train": {"missing_trials"},
    "validate": {"read_request", "train"},
    "repairs": {"validate"},
    "train_again": {"repairs"},
    "validate_again": {"train_again"},
    "finish": {"validate_again"},
    "announce_results": {"finish"},
}
READING = {
    "releases": set(),
    "plan": {"releases"},
    "plans": {"plan"},
    "finish": {"plans"},
    "announce_results": {"finish"},
}
"""Of the experiments that train, and of those that only read a release."""

SOURCES = {"train": "missing_trials", "train_again": "repairs"}, {"plan": "releases", "finish": "plans"}
"""Of the same: the mapped tasks, and what they are mapped over."""

RULES = {
    "validate": TriggerRule.NONE_FAILED,
    "validate_again": TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
    "finish": TriggerRule.NONE_FAILED,
}
"""Where nothing is missing, `train` is skipped, or `train_again`; what reads the next repairs must not be."""


def dag_of(dag_bag: DagBag, name: str) -> DAG:
    return dag_bag.dags[f"experiment_{name.replace('-', '_')}"]


def test_registry_and_dags_are_one_for_one(dag_bag: DagBag):
    dag_ids = {f"experiment_{name.replace('-', '_')}" for name in available()}
    assert {dag_id for dag_id in dag_bag.dags if dag_id.startswith("experiment_")} == dag_ids


def test_registry_and_commands_are_one_for_one():
    from typer.main import get_group

    from mempipe.cli.experiment import experiments

    commands = get_group(experiments).list_commands(None)
    assert commands == ["plan", "validate", "finish", "features", *available()]


@pytest.mark.parametrize("name", NAMES)
def test_order(dag_bag: DagBag, name: str):
    dag = dag_of(dag_bag, name)
    reading = is_automatic(name)
    assert {task.task_id: task.upstream_task_ids for task in dag.tasks} == (READING if reading else TRAINING)
    mapped = [task for task in dag.tasks if isinstance(task, MappedOperator)]
    assert {task.task_id: [of.task_id for of in task.iter_mapped_dependencies()] for task in mapped} == {
        task_id: [source] for task_id, source in SOURCES[reading].items()
    }
    rules = {task.task_id: task.trigger_rule for task in dag.tasks if task.trigger_rule is not TriggerRule.ALL_SUCCESS}
    assert rules == ({} if reading else RULES)
    changing = {task.task_id: [asset.uri for asset in task.outlets] for task in dag.tasks if task.outlets}
    assert changing == {"announce_results": ["mempipe://results/"]}


def test_what_trains_works_on_its_plan(dag_bag: DagBag):
    dag = dag_of(dag_bag, "influencers")
    plan, request = (f"{{{{ ti.xcom_pull(task_ids='read_request')['{field}'] }}}}" for field in ("plan", "request"))
    for task_id in ("validate", "validate_again"):
        assert dag.get_task(task_id).arguments == ["experiment", "validate", plan]
    assert dag.get_task("finish").arguments == ["experiment", "finish", "--request", request, plan]


@pytest.mark.parametrize("name", NAMES)
def test_what_only_reads_waits_for_releases(dag_bag: DagBag, name: str):
    dag = dag_of(dag_bag, name)
    assert dag.schedule == ([RELEASES] if is_automatic(name) else None)


def test_a_file_that_says_automatic_is_scheduled():
    """As the DAG processor finds it in a new experiment's file; without training, and with a release or none."""
    program = """
import sys
sys.path.insert(0, "dags")
from mempipe.experiments.kinds import influencers
influencers.AUTOMATIC = True
from mempipe.orchestration.assets import RELEASES
import experiments
dag = experiments.experiment_influencers
assert dag.schedule == [RELEASES], dag.schedule
assert set(dag.task_ids) == {"releases", "plan", "plans", "finish", "announce_results"}, dag.task_ids
assert dag.params.get_param("release").resolve(None) is None
assert "mempipe_releases" in dag.doc_md
assert "missing_trials" not in dag.doc_md
dag.params.validate()
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


@pytest.mark.parametrize("name", NAMES)
def test_the_form_is_the_experiments_own(dag_bag: DagBag, name: str):
    dag, model = dag_of(dag_bag, name), experiment(name).Params
    assert set(dag.params) == {"release", "store", *model.model_fields}
    defaults = json.loads(model().model_dump_json())
    for key, field in model.model_fields.items():
        param = dag.params.get_param(key)
        assert param.value == defaults[key], key
        assert param.description == field.description, key
        assert param.resolve(defaults[key]) == defaults[key], key
        assert param.schema["type"], key


@pytest.mark.parametrize(
    ("field", "value"), [("repeats", 1), ("repeats", None), ("mem", 2), ("infl", "x"), ("release", ""), ("store", "a")]
)
def test_form_refuses(dag_bag: DagBag, field: str, value: object):
    with pytest.raises(ParamValidationError):
        dag_of(dag_bag, "influencers").params.get_param(field).resolve(value)


@pytest.mark.parametrize(
    ("field", "value"),
    [("repeats", 2), ("infl", 0), ("release", "gs://b/releases/x"), ("release", "/s/releases/x"), ("store", None)],
)
def test_form_accepts(dag_bag: DagBag, field: str, value: object):
    assert dag_of(dag_bag, "influencers").params.get_param(field).resolve(value) == value


def test_a_list_of_numbers_is_checked_part_by_part(dag_bag: DagBag):
    param = dag_of(dag_bag, "marginal-utility").params.get_param("thresholds")
    assert param.resolve([0.2, 0.5]) == [0.2, 0.5]
    for wrong in ([], [2], ["x"], 0.5):
        with pytest.raises(ParamValidationError):
            param.resolve(wrong)


def test_last_layer_order(dag_bag: DagBag):
    """Between the features and the comparison it is `estimate_scores`, task for task."""
    dag, estimate = dag_bag.dags["experiment_last_layer"], dag_bag.dags["estimate_scores"]
    edges = {task.task_id: task.upstream_task_ids for task in dag.tasks}
    shared = {task.task_id: task.upstream_task_ids for task in estimate.tasks}
    own = {
        "features": set(),
        "read_features": {"features"},
        "plan": {"read_features"},
        "linear_release": {"publish"},
        "plan_comparison": {"linear_release"},
        "comparison": {"plan_comparison"},
        "finish": {"comparison"},
        "announce_results": {"finish"},
    }
    assert edges == shared | own
    for task in estimate.tasks:
        assert dag.get_task(task.task_id).trigger_rule == task.trigger_rule
    assert dag.get_task("features").pool == "mempipe_train"
    spec, store, request = (
        f"{{{{ ti.xcom_pull(task_ids='read_features')['{key}'] }}}}" for key in ("spec", "store", "request")
    )
    assert dag.get_task("plan").arguments == ["plan", spec, "--store", store, "--request", request]


def test_the_report_waits_for_releases_and_results(dag_bag: DagBag):
    dag = dag_bag.dags["publish_report"]
    assert {task.task_id: task.upstream_task_ids for task in dag.tasks} == {"reports": set(), "report": {"reports"}}
    assert isinstance(dag.schedule, AssetAny)  # either of them is enough
    assert list(dag.schedule.objects) == [RELEASES, RESULTS]


def test_nothing_starts_by_itself_where_that_is_not_wanted():
    program = """
import sys
sys.path.insert(0, "dags")
import experiments, publish_report
from airflow.sdk import DAG
print([dag.dag_id for module in (experiments, publish_report) for dag in vars(module).values()
       if isinstance(dag, DAG) and dag.schedule is not None])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"MEMPIPE_AUTOMATIC": "False"},
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_experiment_of_another_package_is_a_dag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from mempipe.orchestration.airflow_dags import experiments

    write_lab(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    dag = experiments()["experiment_share_above"]
    assert dag.description == "Share of memorized examples (Section 3.1)"
    assert dag.params["mem"] == 0.25
