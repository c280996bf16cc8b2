"""Airflow's LocalExecutor with one correction: a task that is deferred only briefly is not failed by mistake.

A worker that defers ends, and the executor reports that end as a success. Airflow 3.3.2 reads the report in the
scheduler's next loop; if the trigger has fired by then and the task runs again, the scheduler takes the report for the
end of a task that did not say how it ended, and fails that try (apache/airflow issue 72716). Steps of a few seconds on
a busy scheduler meet that often. To be removed when the release that is locked here has the correction.
"""

from typing import TYPE_CHECKING

from airflow.executors import local_executor
from airflow.utils.state import TaskInstanceState

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance


class LocalExecutor(local_executor.LocalExecutor):
    """Runs the tasks of Airflow in processes of the scheduler's pod."""

    def has_task(self, task_instance: "TaskInstance") -> bool:
        """Tell whether a report on the task can be of an earlier worker, because another one has it now.

        The scheduler asks this for each report, and for nothing else. A task keeps its `next_method` from its deferral
        to its end, so with one it has been resumed. If its worker is gone, it is found by its missing heartbeats.
        """
        resumed = task_instance.next_method is not None and task_instance.state in {
            TaskInstanceState.QUEUED,
            TaskInstanceState.RUNNING,
        }
        return resumed or super().has_task(task_instance)
