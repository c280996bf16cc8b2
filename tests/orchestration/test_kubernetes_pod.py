"""The pod that the settings describe, and what its end means."""

from types import SimpleNamespace

import pytest

pytest.importorskip("kubernetes")

from airflow.sdk import DAG, task
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.serialization.serialized_objects import DagSerialization
from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

from mempipe.orchestration.container_task import container_task, mapped_container_task
from mempipe.orchestration.kubernetes_pod import MempipePodOperator, container_end
from mempipe.orchestration.settings import Settings

IMAGE = "registry/mempipe-trainer:1.0"


def settings(**changes: object) -> Settings:
    return Settings(execution="kubernetes", image=IMAGE, namespace="mempipe", **changes)


def pod_of(kind: str, made: Settings) -> dict:
    """Return the pod that a task would create, as its YAML."""
    operator = container_task("step", kind=kind, arguments=["plan", "spec.yaml"], settings=made)
    return ApiClient().sanitize_for_serialization(operator.build_pod_request_obj(dry_run=True))


@pytest.mark.parametrize("kind", ["cpu", "train"])
def test_pods_may_do_nothing_but_compute(kind: str):
    spec = pod_of(kind, settings())["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == "mempipe-trainer"
    assert spec["restartPolicy"] == "Never"
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
    }
    assert spec["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}}]
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    assert not spec.get("hostNetwork")


def test_pods_carry_arguments_and_no_credentials():
    spec = pod_of("train", settings(env={"STORAGE_EMULATOR_HOST": "http://gcs:4443"}))["spec"]
    (container,) = spec["containers"]  # no sidecar for XCom
    assert container["image"] == IMAGE
    assert container["command"] == ["mempipe"]
    assert container["args"] == ["plan", "spec.yaml"]
    assert container["env"] == [
        {"name": "HOME", "value": "/tmp"},  # noqa: S108
        {"name": "STORAGE_EMULATOR_HOST", "value": "http://gcs:4443"},
    ]
    assert not container.get("envFrom")
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_training_gets_its_gpus_and_nodes():
    made = settings(
        train={
            "gpus": 2,
            "gpu_resource": "example.com/gpu",
            "memory": "64Gi",
            "cpu": "8",
            "scratch": "10Gi",
            "node_selector": {"pool": "gpu"},
            "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}],
            "priority_class": "training",
            "active_deadline_seconds": 7200,
        }
    )
    spec = pod_of("train", made)["spec"]
    assert spec["containers"][0]["resources"] == {
        "requests": {"cpu": "8", "memory": "64Gi", "ephemeral-storage": "10Gi", "example.com/gpu": "2"},
        "limits": {"memory": "64Gi", "ephemeral-storage": "10Gi", "example.com/gpu": "2"},
    }
    assert spec["nodeSelector"] == {"pool": "gpu"}
    assert spec["tolerations"] == [{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}]
    assert spec["priorityClassName"] == "training"
    assert spec["activeDeadlineSeconds"] == 7200


def test_other_steps_get_no_gpu():
    resources = pod_of("cpu", settings())["spec"]["containers"][0]["resources"]
    assert "nvidia.com/gpu" not in resources["limits"] | resources["requests"]


def test_pods_are_labelled_and_named_apart():
    first, second = (pod_of("train", settings(labels={"team": "vision"})) for _ in range(2))
    assert first["metadata"]["namespace"] == "mempipe"
    assert first["metadata"]["name"] != second["metadata"]["name"]
    assert (
        first["metadata"]["labels"].items()
        >= {
            "app.kubernetes.io/name": "mempipe",
            "app.kubernetes.io/component": "train",
            "app.kubernetes.io/managed-by": "airflow",
            "team": "vision",
        }.items()
    )


def test_how_airflow_handles_the_pod():
    made = settings()
    operator = container_task("step", kind="train", arguments=["train"], settings=made)
    assert isinstance(operator, MempipePodOperator)
    assert operator.pool == "mempipe_train"
    assert operator.deferrable
    assert operator.durable
    assert operator.on_finish_action.value == "delete_pod"
    assert operator.startup_timeout_seconds == 1200
    limit = made.train.active_deadline_seconds + made.startup_timeout_seconds
    assert operator.execution_timeout.total_seconds() > limit  # the pod's own deadline comes first


def test_a_mapped_pod_survives_serialization():
    @task
    def missing() -> list[list[str]]:
        return []

    with DAG("d", schedule=None) as dag:
        mapped = mapped_container_task("train", kind="train", arguments=missing(), settings=settings())
    assert isinstance(mapped, MappedOperator)
    copy = DagSerialization.from_dict(DagSerialization.to_dict(dag)).get_task("train")
    assert copy.is_mapped
    assert copy.pool == "mempipe_train"
    unmapped = mapped.unmap({"arguments": ["train", "RUN", "--trials", "0:50"]})
    assert unmapped.build_pod_request_obj(dry_run=True).spec.containers[0].args[-1] == "0:50"


def ended(exit_code: int | None, *, phase: str = "Failed", reason: str | None = None, message: str | None = None):
    """Return a pod whose container has ended, or of which only the pod's own reason is known."""
    terminated = exit_code is not None and k8s.V1ContainerStateTerminated(
        exit_code=exit_code, reason=reason or "Error", message=message
    )
    status = k8s.V1ContainerStatus(
        name="base",
        image=IMAGE,
        image_id="",
        ready=False,
        restart_count=0,
        state=k8s.V1ContainerState(terminated=terminated or None),
    )
    return k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(name="mempipe-x", namespace="mempipe", labels={}),
        spec=k8s.V1PodSpec(containers=[k8s.V1Container(name="base")]),
        status=k8s.V1PodStatus(
            phase=phase,
            reason=None if exit_code is not None else reason,
            message=None if exit_code is not None else message,
            container_statuses=[status] if exit_code is not None else None,
        ),
    )


@pytest.fixture
def clean_up():
    """Return a function that lets the operator clean up after a pod, against a cluster that only takes notes."""

    def run(pod: k8s.V1Pod) -> list[str]:
        deleted: list[str] = []
        operator = container_task("step", kind="train", arguments=["train", "RUN"], settings=settings())
        operator.__dict__["pod_manager"] = SimpleNamespace(
            read_pod=lambda _: pod,
            delete_pod=lambda gone: deleted.append(gone.metadata.name),
            read_pod_events=lambda _: SimpleNamespace(items=[]),
        )
        operator.__dict__["client"] = SimpleNamespace(patch_namespaced_pod=lambda **_: None)
        try:
            operator.cleanup(pod, pod)
        finally:
            assert deleted == ["mempipe-x"]
        return deleted

    return run


def test_success_is_cleaned_up(clean_up):
    clean_up(ended(0, phase="Succeeded", reason="Completed"))


def test_exit_code_20_is_not_tried_again(clean_up):
    with pytest.raises(AirflowFailException) as caught:
        clean_up(ended(20, message="Error: Spec cannot be used.\nHint: correct it."))
    assert str(caught.value).splitlines() == [
        "mempipe train ended with code 20: permanent, not tried again.",
        "  Error: Spec cannot be used.",
        "  Hint: correct it.",
    ]


@pytest.mark.parametrize(
    ("pod", "told"),
    [
        (ended(10, message="Error: Store did not answer."), "ended with code 10"),
        (ended(1), "ended with code 1"),
        (ended(137, reason="OOMKilled"), "Pod mempipe-x: OOMKilled."),
        (ended(None, reason="Evicted", message="node was low on memory"), "Evicted, node was low on memory"),
        (ended(None, reason="DeadlineExceeded"), "DeadlineExceeded"),
    ],
)
def test_any_other_end_is_tried_again(clean_up, pod: k8s.V1Pod, told: str):
    with pytest.raises(AirflowException, match=told) as caught:
        clean_up(pod)
    assert not isinstance(caught.value, AirflowFailException)


def test_exit_code_20_is_seen_through_the_triggerer_too(monkeypatch: pytest.MonkeyPatch):
    """A deferred task comes back with an event, which by itself says only that the container failed."""
    pod = ended(20)
    operator = container_task("step", kind="train", arguments=["train", "RUN"], settings=settings())
    operator.__dict__["hook"] = SimpleNamespace(get_pod=lambda _name, _namespace: pod)
    operator.__dict__["client"] = SimpleNamespace(patch_namespaced_pod=lambda **_: None)
    operator.__dict__["pod_manager"] = SimpleNamespace(
        read_pod=lambda _: pod,
        delete_pod=lambda _: None,
        read_pod_events=lambda _: SimpleNamespace(items=[]),
        await_pod_completion=lambda *_: pod,
    )
    monkeypatch.setattr(operator, "_write_logs", lambda *_args, **_options: None)
    event = {"status": "failed", "name": "mempipe-x", "namespace": "mempipe", "message": "Container failed"}
    with pytest.raises(AirflowFailException, match="not tried again"):
        operator.trigger_reentry({}, event)


def test_a_pod_without_status_is_an_unseen_end():
    pod = k8s.V1Pod(metadata=k8s.V1ObjectMeta(name="p"), status=None)
    assert container_end(pod, "base").exit_code is None
