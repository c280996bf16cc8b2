"""The factory of tasks that run a `mempipe` command: in a pod if a cluster is configured, else as a process."""

from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, XComArg
from airflow.sdk.definitions.mappedoperator import MappedOperator

from mempipe.orchestration.local_process import Arguments, LocalProcessOperator
from mempipe.orchestration.settings import Execution, Kind, Settings


def container_task(
    task_id: str, *, kind: Kind, arguments: Arguments, settings: Settings, **operator_arguments: Any
) -> BaseOperator:
    """Return a task that runs `mempipe ARGUMENTS`.

    Args:
        task_id: id of the task in the DAG.
        kind: kind of step; selects the pool, the resources and the time limit.
        arguments: templated; or a callable that returns them from the task's context when the task runs.
        settings: settings of this installation.
        operator_arguments: any arguments of Airflow's `BaseOperator`, such as `trigger_rule`.
    """
    operator, options = _operator(kind, settings)
    return operator(task_id=task_id, arguments=arguments, **(options | operator_arguments))


def mapped_container_task(
    task_id: str, *, kind: Kind, arguments: XComArg, settings: Settings, **operator_arguments: Any
) -> MappedOperator:
    """Return a mapped task with one instance for each list of arguments; it is skipped if there are none.

    The user interface labels each by its last argument, which is the range of trials.
    """
    operator, options = _operator(kind, settings)
    options |= {"map_index_template": "{{ task.arguments[-1] }}"} | operator_arguments
    return operator.partial(task_id=task_id, **options).expand(arguments=arguments)


def _operator(kind: Kind, settings: Settings) -> tuple[type[BaseOperator], dict[str, Any]]:
    shape = settings.shape(kind)
    limit = shape.active_deadline_seconds
    options: dict[str, Any] = {"pool": shape.pool}
    if settings.execution is Execution.LOCAL:
        return LocalProcessOperator, options | {"execution_timeout": timedelta(seconds=limit)}
    # Imported here, because the Kubernetes client is slow to import and optional on a machine without a cluster.
    from mempipe.orchestration.kubernetes_pod import MempipePodOperator
    from mempipe.orchestration.pod_shape import pod_arguments

    # The pod's own deadline comes first: it counts from the pod's start, Airflow's limit from the task's start.
    limit += settings.schedule_timeout_seconds + settings.startup_timeout_seconds + 600
    return MempipePodOperator, options | pod_arguments(settings, kind) | {"execution_timeout": timedelta(seconds=limit)}
