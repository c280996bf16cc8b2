"""End of a pod from its status: the container's exit or a disruption."""

import pytest

pytest.importorskip("kubernetes")

from kubernetes.client import models as k8s

from mempipe.orchestration.pod_end import container_end, disruption, has_begun
from tests.orchestration.pods import exited, pod, running, waiting

NO_NODE = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (pod(state=exited(137, "OOMKilled")), "limit of 16Gi: raise MEMPIPE_TRAIN__MEMORY (chart: pools.train.memory)"),
        (
            pod(reason="DeadlineExceeded", state=exited(143)),
            "smaller task_size, or raise MEMPIPE_TRAIN__ACTIVE_DEADLINE_SECONDS (chart: pools.train.activeDeadlineSec",
        ),
        (
            pod(
                reason="Evicted", message="Pod ephemeral local storage usage exceeds the total limit of containers 2Gi"
            ),
            "scratch space of 2Gi: raise MEMPIPE_TRAIN__SCRATCH",
        ),
        (pod(phase="Pending", state=waiting("ErrImagePull", "not found")), "ErrImagePull, not found.\nHint: check the"),
        (
            pod(phase="Pending", condition=("PodScheduled", "False", "Unschedulable", NO_NODE)),
            "Insufficient nvidia.com/gpu.\nHint: no node accepts it",
        ),
    ],
)
def test_says_what_happened_and_what_to_do(seen: k8s.V1Pod, text: str):
    assert text in container_end(seen).detail


def test_only_what_would_happen_again_is_permanent():
    assert container_end(pod(state=exited(137, "OOMKilled"))).permanent
    for other in (pod(state=exited(137)), pod(state=exited(10)), pod(reason="DeadlineExceeded", state=exited(143))):
        assert not container_end(other).permanent


def test_the_log_ends_with_the_error():
    end = container_end(pod(state=exited(20, message="Error: Spec cannot be used.\nHint: correct it.")))
    assert end.exit_code == 20
    assert end.last_lines == ("Error: Spec cannot be used.", "Hint: correct it.")
    assert end.detail == ""


def test_only_what_has_begun_has_a_log():
    assert has_begun(pod(phase="Running", state=running()))
    assert has_begun(pod(state=exited(1)))
    assert not has_begun(pod(phase="Pending", state=waiting("ErrImagePull", "not found")))
    assert not has_begun(pod(phase="Pending"))


def test_a_pod_without_status_is_an_unseen_end():
    assert container_end(k8s.V1Pod(metadata=k8s.V1ObjectMeta(name="p"))).exit_code is None


@pytest.mark.parametrize(
    "seen",
    [
        None,
        pod(phase="Running", state=running(), deleted=True),
        pod(state=exited(143), deleted=True),
        pod(state=exited(143), condition=("DisruptionTarget", "True", "EvictionByEvictionAPI", "evicted")),
        pod(reason="Evicted", condition=("DisruptionTarget", "True", "TerminationByKubelet", "node low on memory")),
        pod(reason="NodeShutdown", message="the node is shutting down"),
        pod(reason="OutOfnvidia.com/gpu"),
        pod(state=exited(137, "ContainerStatusUnknown")),
    ],
)
def test_what_the_cluster_takes_away(seen: k8s.V1Pod | None):
    assert disruption(seen)


@pytest.mark.parametrize(
    "seen",
    [
        pod(phase="Running", state=running()),
        pod(phase="Succeeded", state=exited(0), deleted=True),
        pod(state=exited(10)),
        pod(state=exited(20)),
        pod(state=exited(137, "OOMKilled")),
        pod(reason="DeadlineExceeded"),
        pod(reason="Evicted", message="Pod ephemeral local storage usage exceeds the total limit of containers 2Gi"),
        pod(phase="Running", condition=("DisruptionTarget", "False", "", "")),
        pod(phase="Pending", state=waiting("ImagePullBackOff", "not found")),
    ],
)
def test_what_the_pod_does_itself(seen: k8s.V1Pod):
    assert disruption(seen) is None
