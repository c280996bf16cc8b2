"""The executor's one correction, and that Airflow still asks where it is made."""

import inspect
from types import SimpleNamespace

import pytest
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.utils.state import TaskInstanceState

from mempipe.orchestration.local_executor import LocalExecutor


def has_task(state: TaskInstanceState, next_method: str | None) -> bool:
    """Ask as the scheduler does; the task is known by its key, its state and where it goes on after its deferral."""
    key = TaskInstanceKey("dag", "task", "run", try_number=1, map_index=-1)
    return LocalExecutor(parallelism=1).has_task(
        SimpleNamespace(id="id", key=key, state=state, next_method=next_method)
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("state", [TaskInstanceState.QUEUED, TaskInstanceState.RUNNING])
def test_a_resumed_task_is_not_judged_by_the_worker_that_deferred(state: TaskInstanceState):
    assert has_task(state, "trigger_reentry")
    assert not has_task(state, None)


def test_a_finished_task_is():
    assert not has_task(TaskInstanceState.SUCCESS, "trigger_reentry")


def test_airflow_asks_for_each_report():
    """When this fails, Airflow has changed: look whether the class is still needed."""
    source = inspect.getsource(SchedulerJobRunner)
    assert source.count("executor.has_task(ti)") == 1
    assert "executor.has_task(ti)" in inspect.getsource(SchedulerJobRunner.process_executor_events)
