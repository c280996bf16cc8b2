"""Shape and permissions of a pod, from the settings, with the reason for each choice."""

from typing import Any, Final

from kubernetes.client import models as k8s

from mempipe.orchestration.pod_end import CONTAINER, KIND_LABEL
from mempipe.orchestration.settings import Kind, Settings

_SCRATCH: Final = "/tmp"  # noqa: S108 - the pod's own emptyDir
_CACHE: Final = "/var/cache/mempipe"


def pod_arguments(settings: Settings, kind: Kind) -> dict[str, Any]:
    """Return the arguments of `MempipePodOperator` for a pod of this kind."""
    shape = settings.shape(kind)
    return {
        # Identity: a random suffix for each try; `durable` finds a pod again after a restart of the worker.
        "name": f"mempipe-{kind}",
        "random_name_suffix": True,
        "durable": True,
        "namespace": settings.namespace,
        "labels": {
            "app.kubernetes.io/name": "mempipe",
            KIND_LABEL: kind,
            "app.kubernetes.io/managed-by": "airflow",
            **settings.labels,
            **shape.labels,
        },
        "annotations": dict(settings.annotations),
        # Command: every image has the command `mempipe`; its arguments are complete.
        "image": shape.image or settings.image,
        "image_pull_policy": settings.image_pull_policy,
        "image_pull_secrets": [k8s.V1LocalObjectReference(name=name) for name in settings.image_pull_secrets],
        "base_container_name": CONTAINER,
        "cmds": ["mempipe"],
        "env_vars": [k8s.V1EnvVar(name=name, value=value) for name, value in _environment(settings).items()],
        "do_xcom_push": False,  # results are in the store; a sidecar would only need a second image
        # Placement.
        "container_resources": _resources(settings, kind),
        "node_selector": dict(shape.node_selector),
        "tolerations": [k8s.V1Toleration(**_snake(toleration)) for toleration in shape.tolerations],
        "priority_class_name": shape.priority_class,
        # Permissions: it may write only to its scratch folder and, by its service account, to the store.
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
        **_volumes(settings, kind),
        # Time limits: a GPU node may have to be created first; Kubernetes ends a pod that hangs.
        "schedule_timeout_seconds": settings.schedule_timeout_seconds,
        "startup_timeout_seconds": settings.startup_timeout_seconds,
        "active_deadline_seconds": shape.active_deadline_seconds,
        # Waiting: the triggerer waits, without a worker, and fetches the log while the pod runs.
        "deferrable": True,
        "poll_interval": settings.poll_seconds,
        "logging_interval": settings.log_interval_seconds,
        "max_disruptions": settings.max_disruptions,
        "on_finish_action": "delete_pod",
        # Failures: the log has the last lines and the events, not the pod's specification.
        "termination_message_policy": "FallbackToLogsOnError",
        "log_events_on_failure": True,
        "log_pod_spec_on_failure": False,
        # Cluster.
        "kubernetes_conn_id": settings.kubernetes_conn_id,
        "in_cluster": None if settings.kubernetes_conn_id else True,
    }


def _environment(settings: Settings) -> dict[str, str]:
    cache = {"MEMPIPE_CACHE": _CACHE} if settings.cache_claim else {}
    return {"HOME": _SCRATCH} | cache | settings.env


def _volumes(settings: Settings, kind: Kind) -> dict[str, Any]:
    scratch = k8s.V1EmptyDirVolumeSource(size_limit=settings.shape(kind).scratch)
    volumes = [k8s.V1Volume(name="tmp", empty_dir=scratch)]
    mounts = [k8s.V1VolumeMount(name="tmp", mount_path=_SCRATCH)]
    if settings.cache_claim:
        claim = k8s.V1PersistentVolumeClaimVolumeSource(claim_name=settings.cache_claim)
        volumes.append(k8s.V1Volume(name="cache", persistent_volume_claim=claim))
        mounts.append(k8s.V1VolumeMount(name="cache", mount_path=_CACHE))
    return {"volumes": volumes, "volume_mounts": mounts}


def _resources(settings: Settings, kind: Kind) -> k8s.V1ResourceRequirements:
    shape = settings.shape(kind)
    requests = {"cpu": shape.cpu, "memory": shape.memory, "ephemeral-storage": shape.scratch}
    # Memory: request and limit are equal, so that a pod is killed for its own excess, never for another pod's.
    # CPU: no limit, because throttling gains nothing if the requests are right.
    limits = {"memory": shape.memory, "ephemeral-storage": shape.scratch}
    if shape.gpus:
        limits[shape.gpu_resource] = str(shape.gpus)
        requests[shape.gpu_resource] = str(shape.gpus)
    return k8s.V1ResourceRequirements(requests=requests, limits=limits)


def _snake(toleration: dict[str, Any]) -> dict[str, Any]:
    """Return a toleration of a pod's spec (`tolerationSeconds`) with the client's names."""
    names = {key: name for name, key in k8s.V1Toleration.attribute_map.items()}
    return {names.get(key, key): value for key, value in toleration.items()}
