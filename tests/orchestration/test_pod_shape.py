"""The pod that the settings describe."""

import pytest

pytest.importorskip("kubernetes")

from airflow.sdk import DAG, task
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.serialization.serialized_objects import DagSerialization
from kubernetes.client import ApiClient

from mempipe.orchestration.container_task import container_task, mapped_container_task
from mempipe.orchestration.kubernetes_pod import MempipePodOperator
from mempipe.orchestration.settings import Settings

IMAGE = "registry/mempipe-trainer:1.0"


def settings(**changes: object) -> Settings:
    return Settings(execution="kubernetes", image=IMAGE, namespace="mempipe", **changes)


def pod_of(kind: str, setup: Settings) -> dict:
    """Return the pod that a task would create, as its YAML."""
    operator = container_task("step", kind=kind, arguments=["plan", "spec.yaml"], settings=setup)
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
    setup = settings(
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
    spec = pod_of("train", setup)["spec"]
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


def test_pods_are_labeled_and_named_apart():
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


def test_a_kind_may_have_its_own_image_and_queue():
    """So that only the pods that need a GPU carry its libraries and wait for its quota."""
    setup = settings(train={"image": "registry/cuda:1.0", "labels": {"kueue.x-k8s.io/queue-name": "gpus"}})
    train, cpu = pod_of("train", setup), pod_of("cpu", setup)
    assert train["spec"]["containers"][0]["image"] == "registry/cuda:1.0"
    assert train["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    assert cpu["spec"]["containers"][0]["image"] == IMAGE
    assert "kueue.x-k8s.io/queue-name" not in cpu["metadata"]["labels"]


def test_a_cache_of_data_sets_is_mounted():
    spec = pod_of("train", settings(cache_claim="mempipe-data"))["spec"]
    assert {"name": "cache", "persistentVolumeClaim": {"claimName": "mempipe-data"}} in spec["volumes"]
    (container,) = spec["containers"]
    (mount,) = (mount for mount in container["volumeMounts"] if mount["name"] == "cache")
    assert {"name": "MEMPIPE_CACHE", "value": mount["mountPath"]} in container["env"]


def test_how_airflow_handles_the_pod():
    setup = settings()
    operator = container_task("step", kind="train", arguments=["train"], settings=setup)
    assert isinstance(operator, MempipePodOperator)
    assert operator.pool == "mempipe_train"
    assert operator.deferrable
    assert operator.durable
    assert operator.on_finish_action.value == "delete_pod"
    assert operator.startup_timeout_seconds == 1200
    assert operator.schedule_timeout_seconds == setup.schedule_timeout_seconds
    assert operator.logging_interval == 30
    limit = setup.train.active_deadline_seconds + setup.schedule_timeout_seconds + setup.startup_timeout_seconds
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
