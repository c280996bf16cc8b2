"""Pods as Kubernetes reports them, with no more than their ends need."""

from datetime import UTC, datetime

from kubernetes.client import models as k8s

CONTAINER = "base"
NAME = "mempipe-train-x"


def pod(
    *,
    phase: str = "Failed",
    reason: str | None = None,
    message: str | None = None,
    state: k8s.V1ContainerState | None = None,
    condition: tuple[str, str, str, str] | None = None,
    deleted: bool = False,
) -> k8s.V1Pod:
    """Return a training pod; `condition` is its type, status, reason and message."""
    status = state and k8s.V1ContainerStatus(
        name=CONTAINER, image="i", image_id="", ready=False, restart_count=0, state=state
    )
    conditions = None
    if condition is not None:
        kind, value, why, text = condition
        conditions = [k8s.V1PodCondition(type=kind, status=value, reason=why, message=text)]
    limits = {"memory": "16Gi", "ephemeral-storage": "2Gi"}
    container = k8s.V1Container(name=CONTAINER, resources=k8s.V1ResourceRequirements(limits=limits))
    return k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(
            name=NAME,
            namespace="mempipe",
            labels={"app.kubernetes.io/component": "train"},
            deletion_timestamp=datetime(2026, 1, 1, tzinfo=UTC) if deleted else None,
        ),
        spec=k8s.V1PodSpec(containers=[container]),
        status=k8s.V1PodStatus(
            phase=phase,
            reason=reason,
            message=message,
            container_statuses=[status] if status else None,
            conditions=conditions,
        ),
    )


def exited(code: int, reason: str = "Error", message: str | None = None) -> k8s.V1ContainerState:
    """Return the state of a container that has ended."""
    return k8s.V1ContainerState(
        terminated=k8s.V1ContainerStateTerminated(exit_code=code, reason=reason, message=message)
    )


def waiting(reason: str, message: str) -> k8s.V1ContainerState:
    """Return the state of a container that has not begun."""
    return k8s.V1ContainerState(waiting=k8s.V1ContainerStateWaiting(reason=reason, message=message))


def running() -> k8s.V1ContainerState:
    """Return the state of a container that runs."""
    return k8s.V1ContainerState(running=k8s.V1ContainerStateRunning())
