"""Airflow's LocalExecutor with one fix: a task that is deferred only briefly is not failed by mistake.

A worker that defers exits, and the executor reports this as a success. Airflow 3.3.2 reads the report in the
scheduler's next loop. If the trigger has fired by then and the task runs again, the scheduler assumes that the task
ended without reporting its state, and fails that try (apache/airflow issue 72716). This is frequent for steps of a few
seconds on a busy scheduler. Remove this module when the locked release of Airflow has the fix.
"""

from typing import TYPE_CHECKING

from airflow.executors import local_executor
from airflow.utils.state import TaskInstanceState

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance


class LocalExecutor(local_executor.LocalExecutor):
    """Runs Airflow's tasks in processes of the scheduler's pod."""

    def has_task(self, task_instance: "TaskInstance") -> bool:
        """Return whether a report on the task may be of an earlier worker, because another one runs it now.

        The scheduler calls this only for reports. A task keeps its `next_method` from its deferral to its end, so a
        task with one has been resumed. If its worker has died, missing heartbeats reveal this.
        """
        resumed = task_instance.next_method is not None and task_instance.state in {
            TaskInstanceState.QUEUED,
            TaskInstanceState.RUNNING,
        }
        return resumed or super().has_task(task_instance)
