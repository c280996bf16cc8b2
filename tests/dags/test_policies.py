"""What every DAG and every task of ours must have."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import jinja2
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.serialization.serialized_objects import DagSerialization

from mempipe.experiments.registry import available

MAX_IMPORT_SECONDS = 1.0


def every_task(dag_bag: DagBag):
    return [(dag, task) for dag in dag_bag.dags.values() for task in dag.tasks]


def test_dags_load_without_errors(dag_bag: DagBag):
    assert dag_bag.import_errors == {}
    experiments = {f"experiment_{name.replace('-', '_')}" for name in available()}
    assert set(dag_bag.dags) == {"estimate_scores", "publish_report"} | experiments


def test_dags_survive_serialization(dag_bag: DagBag):
    for dag in dag_bag.dags.values():
        copy = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        assert set(copy.task_ids) == set(dag.task_ids)


def test_every_dag_has_a_runbook_and_bounds(dag_bag: DagBag):
    for dag in dag_bag.dags.values():
        assert dag.tags in ({"mempipe"}, {"mempipe", "experiment"})
        assert dag.max_active_runs == 1
        assert dag.catchup is False
        for topic in ("Start", "Steps", "Extend", "Resume", "When a task fails", "Files"):
            assert f"**{topic}" in dag.doc_md


def test_every_step_is_in_the_runbook(dag_bag: DagBag):
    for dag, task in every_task(dag_bag):
        assert f"`{task.task_id}`" in dag.doc_md, dag.dag_id
        assert "{" not in dag.doc_md, dag.dag_id


def test_every_task_has_owner_retries_and_limit(dag_bag: DagBag):
    for dag, task in every_task(dag_bag):
        what = f"{dag.dag_id}.{task.task_id}"
        assert task.owner == "mempipe", what
        assert task.retries == 3, what
        assert task.retry_exponential_backoff == 2.0, what
        assert timedelta(0) < task.execution_timeout <= timedelta(days=1), what


def test_what_computes_is_bounded_by_our_pools(dag_bag: DagBag):
    pools = {(task.task_id, task.pool) for _, task in every_task(dag_bag)}
    train = {task_id for task_id, pool in pools if pool == "mempipe_train"}
    cpu = {task_id for task_id, pool in pools if pool == "mempipe_cpu"}
    assert train == {"train", "train_again", "features"}
    steps = {"plan", "validate", "validate_again", "aggregate", "publish", "finish", "plan_comparison", "report"}
    assert cpu == steps
    small = {"read_request", "missing_trials", "repairs", "announce", "releases", "plans", "announce_results"}
    small |= {"read_features", "linear_release", "comparison", "reports"}
    assert {task_id for task_id, pool in pools if pool not in {"mempipe_train", "mempipe_cpu"}} == small


def test_mapped_tasks_are_named_by_their_trials_or_by_what_they_are_about(dag_bag: DagBag):
    """An experiment trains trials of several runs, so its tasks are named by both."""
    of_experiments = {"train", "train_again"}
    for dag, task in every_task(dag_bag):
        if not isinstance(task, MappedOperator):
            continue
        several_runs = "experiment" in dag.tags and dag.dag_id != "experiment_last_layer"
        template = task.partial_kwargs["map_index_template"]
        label = jinja2.Template(template).render(task={"arguments": ["train", "lab/runs/mine-0f", "--trials", "0:8"]})
        assert label == ("mine-0f 0:8" if several_runs and task.task_id in of_experiments else "0:8"), task.task_id


@pytest.mark.parametrize("module", ["estimate_scores", "experiments", "last_layer", "publish_report"])
@pytest.mark.parametrize("execution", ["local", "kubernetes"])
def test_parsing_is_quick_and_light(execution: str, module: str):
    """Airflow's own import is not ours to shorten; what a DAG adds to it is. Experiments need numpy to be defined."""
    heavy = ["tensorflow", "keras", "great_expectations", "pandas", "numba", "sklearn", "pyarrow"]
    if module != "experiments":
        heavy.append("numpy")
    if execution == "local":
        heavy.append("kubernetes")
    program = f"""
import sys, time
import airflow.sdk
import airflow.providers.standard.decorators.python
if {execution!r} == "kubernetes":
    import airflow.providers.cncf.kubernetes.operators.pod
before = set(sys.modules)
begun = time.process_time()
sys.path.insert(0, "dags")
import {module}
seconds = time.process_time() - begun
print(seconds, *sorted(set({heavy!r}) & (set(sys.modules) - before)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
        env=os.environ | {"MEMPIPE_EXECUTION": execution, "MEMPIPE_IMAGE": "registry/mempipe-trainer:1.0"},
    )
    seconds, *imported = done.stdout.splitlines()[-1].split()
    assert imported == []
    assert float(seconds) < MAX_IMPORT_SECONDS
