"""The one factory of tasks that run a `mempipe` command: in a pod where a cluster is configured, else as a process."""

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
        task_id: its name in the DAG.
        kind: what it needs; chooses the pool, the resources and the limit.
        arguments: templated; or a callable that makes them of the task's context when it runs.
        settings: of this installation.
        operator_arguments: any argument of Airflow's `BaseOperator`, such as `trigger_rule`.
    """
    operator, made = _operator(kind, settings)
    return operator(task_id=task_id, arguments=arguments, **(made | operator_arguments))


def mapped_container_task(
    task_id: str, *, kind: Kind, arguments: XComArg, settings: Settings, **operator_arguments: Any
) -> MappedOperator:
    """Return one task for each list of arguments that `arguments` yields when the DAG runs; it is skipped without any.

    The user interface names each by its last argument, which is the range of trials.
    """
    operator, made = _operator(kind, settings)
    made |= {"map_index_template": "{{ task.arguments[-1] }}"} | operator_arguments
    return operator.partial(task_id=task_id, **made).expand(arguments=arguments)


def _operator(kind: Kind, settings: Settings) -> tuple[type[BaseOperator], dict[str, Any]]:
    shape = settings.shape(kind)
    limit = shape.active_deadline_seconds
    made: dict[str, Any] = {"pool": shape.pool}
    if settings.execution is Execution.LOCAL:
        return LocalProcessOperator, made | {"execution_timeout": timedelta(seconds=limit)}
    # Here, because the Kubernetes client takes long to import and a machine without a cluster need not have it.
    from mempipe.orchestration.kubernetes_pod import MempipePodOperator
    from mempipe.orchestration.pod_shape import pod_arguments

    # The pod's own deadline comes first: it counts from its start, Airflow's from the task's.
    limit += settings.schedule_timeout_seconds + settings.startup_timeout_seconds + 600
    return MempipePodOperator, made | pod_arguments(settings, kind) | {"execution_timeout": timedelta(seconds=limit)}
