"""Reads from a pod's status how it ended: the container's exit or a disruption, with a hint."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kubernetes.client import models as k8s

from mempipe.orchestration.outcome import LAST_LINES

CONTAINER: Final = "base"

KIND_LABEL: Final = "app.kubernetes.io/component"
"""The pod's label with the kind of step, which selects its settings."""

_DISRUPTIONS: Final = frozenset(
    {"NodeLost", "NodeShutdown", "NodeAffinity", "Preempting", "Shutdown", "Terminated", "UnexpectedAdmissionError"}
)
_LOST: Final = "ContainerStatusUnknown"


@dataclass(frozen=True)
class ContainerEnd:
    """End of a pod's container.

    Attributes:
        exit_code: None if its state is unknown (the node was lost, or it never started).
        detail: message of Kubernetes, with a hint.
        last_lines: end of its log, from the termination message.
        permanent: whether the same pod would end in the same way again.
    """

    exit_code: int | None
    detail: str
    last_lines: tuple[str, ...]
    permanent: bool = False


def container_end(pod: k8s.V1Pod) -> ContainerEnd:
    """Return how a pod's container ended, or why it never started."""
    status = pod.status or k8s.V1PodStatus()
    reasons = [status.reason, status.message]
    exit_code, last_lines = None, ()
    for state in _states(pod):
        if state.terminated is not None:
            exit_code = state.terminated.exit_code
            reasons.append(state.terminated.reason if state.terminated.reason != "Error" else None)
            last_lines = tuple((state.terminated.message or "").splitlines()[-LAST_LINES:])
        elif state.waiting is not None:
            reasons += [state.waiting.reason, state.waiting.message]
    unscheduled = _condition(pod, "PodScheduled")
    if unscheduled is not None and unscheduled.status != "True":
        reasons += [unscheduled.reason, unscheduled.message]
    message = ", ".join(reason for reason in reasons if reason)
    detail = [f"Pod {pod.metadata.name}: {message.rstrip('.')}."] if message else []
    if hint := _hint(pod, message):
        detail.append(f"Hint: {hint}")
    return ContainerEnd(exit_code, "\n".join(detail), last_lines, permanent="OOMKilled" in reasons)


def has_begun(pod: k8s.V1Pod) -> bool:
    """Return whether the pod's container has started, so that there is a log."""
    return any(state.waiting is None for state in _states(pod))


def disruption(pod: k8s.V1Pod | None) -> str | None:
    """Return the reason of the pod's disruption; None if the pod ended by itself.

    Disruptions are a drained, preempted or reclaimed node, an eviction in favor of other pods, and a deletion by hand.
    A pod that exceeds its own limit of memory, scratch space or time is not disrupted: it would fail again.
    """
    if pod is None:
        return "it was deleted"
    status = pod.status or k8s.V1PodStatus()
    if status.phase == "Succeeded":
        return None
    target = _condition(pod, "DisruptionTarget")
    if target is not None and target.status == "True":
        return ", ".join(part for part in (target.reason, target.message) if part)
    if pod.metadata.deletion_timestamp is not None:
        return "it was deleted"
    reason = status.reason or ""
    if status.phase == "Failed" and (reason in _DISRUPTIONS or reason.startswith("OutOf")):
        return ", ".join(part for part in (reason, status.message) if part)
    if any(state.terminated is not None and state.terminated.reason == _LOST for state in _states(pod)):
        return "its node was lost"
    return None


def _hint(pod: k8s.V1Pod, message: str) -> str | None:
    """Return the next action, with the names and the current values of the pod's settings."""
    kind = (pod.metadata.labels or {}).get(KIND_LABEL, "cpu")

    def setting(name: str) -> str:
        return f"MEMPIPE_{kind.upper()}__{name.upper()} (chart: pools.{kind}.{_camel(name)})"

    then = "clear the task; committed chunks are kept."
    if "OOMKilled" in message:
        return f"it needs more memory than its limit of {_limit(pod, 'memory')}: raise {setting('memory')}, then {then}"
    if "DeadlineExceeded" in message:
        return f"trigger with a smaller task_size, or raise {setting('active_deadline_seconds')}, then {then}"
    if re.search(r"ephemeral|emptyDir", message):
        limit = _limit(pod, "ephemeral-storage")
        return f"it wrote more than its scratch space of {limit}: raise {setting('scratch')}, then {then}"
    if "ImagePull" in message or "ErrImage" in message or "InvalidImageName" in message:
        return "check the image's name and tag (chart: images), that the nodes reach its registry, and pull secrets."
    if "Unschedulable" in message:
        return (
            f"no node accepts it: check the GPUs that others hold, {setting('node_selector')}, its tolerations and "
            "requests; the pool's slots should not exceed the GPUs."
        )
    return None


def _states(pod: k8s.V1Pod) -> Iterator[k8s.V1ContainerState]:
    for status in (pod.status.container_statuses if pod.status else None) or []:
        if status.name == CONTAINER and status.state:
            yield status.state


def _condition(pod: k8s.V1Pod, kind: str) -> k8s.V1PodCondition | None:
    conditions = (pod.status.conditions if pod.status else None) or []
    return next((condition for condition in conditions if condition.type == kind), None)


def _limit(pod: k8s.V1Pod, resource: str) -> str:
    for container in (pod.spec.containers if pod.spec else None) or []:
        if container.name == CONTAINER and container.resources and container.resources.limits:
            return str(container.resources.limits.get(resource, "unknown size"))
    return "unknown size"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
