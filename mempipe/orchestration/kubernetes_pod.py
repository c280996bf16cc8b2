"""Runs one `mempipe` command as a pod. Importing this module imports the Kubernetes client."""

from dataclasses import dataclass
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
from kubernetes.client import models as k8s

from mempipe.orchestration.outcome import LAST_LINES, failure
from mempipe.orchestration.settings import Kind, Settings

_SCRATCH = "/tmp"  # noqa: S108 - the pod's own emptyDir


class MempipePodOperator(KubernetesPodOperator):
    """A pod of which exit code 20 fails the task for good; any other end is tried again."""

    def cleanup(
        self,
        pod: k8s.V1Pod,
        remote_pod: k8s.V1Pod,
        xcom_result: dict[str, Any] | None = None,
        context: Context | None = None,
    ) -> None:
        """Clean up after the pod, then say what its end means.

        Both ways of waiting for a pod, in the worker and in the triggerer, end here.
        """
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowSkipException:
            raise
        except AirflowException as error:
            end = container_end(remote_pod, self.base_container_name)
            command = next(iter(self.arguments), "")
            raise failure(
                end.exit_code, what=f"mempipe {command}", detail=end.detail, last_lines=end.last_lines
            ) from error


@dataclass(frozen=True)
class ContainerEnd:
    """How a pod's container ended.

    Attributes:
        exit_code: None where its state is not known (the node vanished, or it never started).
        detail: the reasons that Kubernetes gives, such as OOMKilled or Evicted.
        last_lines: the end of its log, as its termination message.
    """

    exit_code: int | None
    detail: str
    last_lines: tuple[str, ...]


def container_end(pod: k8s.V1Pod, container: str) -> ContainerEnd:
    """Read from a pod's status how its container ended."""
    status = pod.status
    reasons = [status.reason, status.message] if status else []
    statuses = (status.container_statuses if status else None) or []
    terminated = next((s.state.terminated for s in statuses if s.name == container and s.state), None)
    exit_code, last_lines = None, ()
    if terminated is not None:
        exit_code = terminated.exit_code
        reasons.append(terminated.reason if terminated.reason != "Error" else None)
        last_lines = tuple((terminated.message or "").splitlines()[-LAST_LINES:])
    told = ", ".join(reason for reason in reasons if reason)
    return ContainerEnd(exit_code, f"Pod {pod.metadata.name}: {told}." if told else "", last_lines)


def pod_arguments(settings: Settings, kind: Kind) -> dict[str, Any]:
    """Return how a pod of this kind is made, for `MempipePodOperator`, with the reason for each choice."""
    shape = settings.shape(kind)
    return {
        # Identity: the random suffix keeps tries apart, `durable` finds a pod again after a restart of the worker.
        "name": "mempipe",
        "random_name_suffix": True,
        "durable": True,
        "namespace": settings.namespace,
        "labels": {
            "app.kubernetes.io/name": "mempipe",
            "app.kubernetes.io/component": kind,
            "app.kubernetes.io/managed-by": "airflow",
            **settings.labels,
        },
        "annotations": dict(settings.annotations),
        # What runs: the command is the image's contract, its arguments carry all it needs to know.
        "image": settings.image,
        "image_pull_policy": settings.image_pull_policy,
        "image_pull_secrets": [k8s.V1LocalObjectReference(name=name) for name in settings.image_pull_secrets],
        "cmds": ["mempipe"],
        "env_vars": [
            k8s.V1EnvVar(name=name, value=value) for name, value in ({"HOME": _SCRATCH} | settings.env).items()
        ],
        "do_xcom_push": False,  # results are in the store; a sidecar would only need a second image
        # Where it runs.
        "container_resources": _resources(settings, kind),
        "node_selector": dict(shape.node_selector),
        "tolerations": [k8s.V1Toleration(**_snake(toleration)) for toleration in shape.tolerations],
        "priority_class_name": shape.priority_class,
        # What it may do: nothing but compute and write to its scratch folder and, by its account, to the store.
        "service_account_name": settings.service_account,
        "automount_service_account_token": False,
        "security_context": k8s.V1PodSecurityContext(
            run_as_non_root=True,
            run_as_user=settings.run_as,
            run_as_group=settings.run_as,
            fs_group=settings.run_as,
            seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
        ),
        "container_security_context": k8s.V1SecurityContext(
            allow_privilege_escalation=False,
            capabilities=k8s.V1Capabilities(drop=["ALL"]),
            privileged=False,
            read_only_root_filesystem=True,
        ),
        "volumes": [k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource(size_limit=shape.scratch))],
        "volume_mounts": [k8s.V1VolumeMount(name="tmp", mount_path=_SCRATCH)],
        # How long: a GPU node may have to be made first; a pod that hangs is ended by Kubernetes itself.
        "startup_timeout_seconds": settings.startup_timeout_seconds,
        "active_deadline_seconds": shape.active_deadline_seconds,
        "deferrable": settings.deferrable,
        "logging_interval": settings.log_interval_seconds,
        "on_finish_action": "delete_pod",
        # What remains of a failure: its last lines and its events, not the pod's whole specification.
        "termination_message_policy": "FallbackToLogsOnError",
        "log_events_on_failure": True,
        "log_pod_spec_on_failure": False,
        # Which cluster.
        "kubernetes_conn_id": settings.kubernetes_conn_id,
        "in_cluster": None if settings.kubernetes_conn_id else True,
    }


def _resources(settings: Settings, kind: Kind) -> k8s.V1ResourceRequirements:
    shape = settings.shape(kind)
    requests = {"cpu": shape.cpu, "memory": shape.memory, "ephemeral-storage": shape.scratch}
    # Memory: request and limit are equal, so that a pod is killed for its own excess, never for a neighbour's.
    # CPU: no limit, because throttling gains nothing where the requests are right.
    limits = {"memory": shape.memory, "ephemeral-storage": shape.scratch}
    if shape.gpus:
        limits[shape.gpu_resource] = str(shape.gpus)
        requests[shape.gpu_resource] = str(shape.gpus)
    return k8s.V1ResourceRequirements(requests=requests, limits=limits)


def _snake(toleration: dict[str, Any]) -> dict[str, Any]:
    """Return a toleration as a pod's spec writes it with the client's names (`tolerationSeconds`)."""
    names = {key: name for name, key in k8s.V1Toleration.attribute_map.items()}
    return {names.get(key, key): value for key, value in toleration.items()}
