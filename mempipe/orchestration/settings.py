"""Settings of the DAGs, typed, from environment variables, read when a DAG is parsed; no Airflow Variables.

A variable is `MEMPIPE_` and the field in capitals, as `MEMPIPE_EXECUTION=kubernetes`. Two underscores precede a nested
field, as `MEMPIPE_TRAIN__MEMORY=16Gi`. Lists and mappings are JSON, as `MEMPIPE_LABELS={"team": "vision"}`.
"""

import os
import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mempipe.spec.folder import specs_folder

Kind = Literal["cpu", "train"]
"""Kind of a step: `train` runs on the GPU pool, `cpu` is every other step."""

DEFAULT_IMAGE: Final = "default"
"""Name of the installation's own image of training pods, among those that a form offers."""

_PROJECT: Final = Path(__file__).resolve().parents[2]
_SECRET_NAME: Final = re.compile(r"(?i)secret|passw|token|credential|api_?key|private_?key|connection_?string")

Quantity = Annotated[str, Field(pattern=r"^\d+(\.\d+)?(m|[kKMGT]i?)?$")]
"""Pattern of a Kubernetes quantity: `500m`, `2`, `4Gi`."""

PositiveSeconds = Annotated[int, Field(gt=0)]


def _default_store() -> str:
    """Return the folder `mempipe-store` of the checkout; of an installed package, the one in Airflow's home."""
    if (_PROJECT / "pyproject.toml").exists():
        return str(_PROJECT / "mempipe-store")
    home = os.path.expanduser(os.environ.get("AIRFLOW_HOME") or "~/airflow")  # noqa: PTH111 - no error without a home
    return f"{home}/mempipe-store"


class Execution(StrEnum):
    """Platform of container tasks."""

    LOCAL = "local"
    KUBERNETES = "kubernetes"


class Shape(BaseModel):
    """Resources of one kind of step.

    Attributes:
        pool: the Airflow pool that bounds the number of concurrent tasks; it must exist.
        image: image of its pods; empty: the installation's. Thus only GPU pods need the GPU libraries.
        cpu, memory: requests of its pod; memory is also its limit.
        scratch: size of the pod's `/tmp`, the only writable folder.
        gpus: number of GPUs of its pod.
        gpu_resource: resource name of the GPUs on the nodes.
        node_selector, tolerations: selection of nodes, as in a pod's spec.
        priority_class: priority class of its pod.
        labels: additional labels of its pod, such as the queue that Kueue reads.
        active_deadline_seconds: a pod or process that runs longer is ended and its task retried.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pool: str
    image: str = ""
    cpu: Quantity
    memory: Quantity
    scratch: Quantity = "2Gi"
    gpus: int = Field(0, ge=0)
    gpu_resource: str = "nvidia.com/gpu"
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: list[dict[str, Any]] = Field(default_factory=list)
    priority_class: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    active_deadline_seconds: PositiveSeconds


class CpuShape(Shape):
    """Planning, validation, aggregation, publication: memory for one pass over tallies, no GPU."""

    pool: str = "mempipe_cpu"
    cpu: Quantity = "1"
    memory: Quantity = "4Gi"
    active_deadline_seconds: PositiveSeconds = 4 * 3600


ImageName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$")]
"""Pattern of the name by which a form offers an image."""


class TrainShape(Shape):
    """Training: one GPU; a task is a few chunks of 30 to 60 minutes each, so a day is far beyond a healthy one.

    Attributes:
        images: images that the forms offer beside the usual one, by name, for trainers of the user's own.
    """

    pool: str = "mempipe_train"
    cpu: Quantity = "4"
    memory: Quantity = "16Gi"
    gpus: int = Field(1, ge=0)
    images: dict[ImageName, str] = Field(default_factory=dict)
    active_deadline_seconds: PositiveSeconds = 24 * 3600


class Settings(BaseSettings):
    """All settings of an installation.

    Attributes:
        execution: `local`: a process beside the Airflow worker; `kubernetes`: a pod.
        store: default of the form's `store`.
        specs_folder: the form suggests its YAML files.
        spec: default of the form's `spec`; empty: `digits.yaml` of `specs_folder`.
        schedule: cron expression or preset; None: only when triggered.
        automatic: whether a new release starts reports and the experiments that only read a release.
        add_trials: default of the form's `add_trials`: the number of trials that a scheduled run adds.
        owner: owner of the DAGs.
        retries: number of retries after transient failures; permanent failures are not retried.
        retry_delay_seconds: delay of the first retry; it doubles for each further one, up to `max_retry_delay_seconds`.
        small_task_seconds: time limit of the tasks that only read from the store, inside the Airflow worker.
        image: image of every pod, with a tag other than `latest` or with a digest.
        image_pull_policy, image_pull_secrets: as in a pod's spec; names of secrets.
        namespace: namespace of the pods; None: Airflow's own.
        service_account: service account of the pods; its token is not mounted.
        run_as: numeric user and group of the pods.
        labels, annotations: added to every pod.
        env: added to every pod's environment; not for credentials, which belong to the service account.
        kubernetes_conn_id: Airflow connection with a kubeconfig; None: the cluster that Airflow runs in.
        schedule_timeout_seconds: time limit until a pod has a node: a GPU node may have to be created or become free.
        startup_timeout_seconds: time limit until a scheduled pod runs: a large image may have to be pulled.
        poll_seconds: interval at which the triggerer checks a running pod.
        log_interval_seconds: interval at which a running pod's log is fetched.
        max_disruptions: maximal number of replacements of a pod that was evicted, preempted or deleted, in one try.
        cache_claim: persistent volume claim for copies of remote data sets; None: the pod's scratch space.
        cpu, train: resources of the two kinds of steps.
    """

    model_config = SettingsConfigDict(env_prefix="MEMPIPE_", env_nested_delimiter="__", extra="forbid", frozen=True)

    execution: Execution = Execution.LOCAL
    store: str = _default_store()
    specs_folder: Path = specs_folder()
    spec: str = ""
    schedule: str | None = None
    automatic: bool = True
    add_trials: int | None = Field(None, ge=1)

    owner: str = "mempipe"
    retries: int = Field(3, ge=1)
    retry_delay_seconds: PositiveSeconds = 60
    max_retry_delay_seconds: PositiveSeconds = 1800
    small_task_seconds: PositiveSeconds = 600

    image: str = ""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    image_pull_secrets: list[str] = Field(default_factory=list)
    namespace: str | None = None
    service_account: str = "mempipe-trainer"
    run_as: int = Field(10001, gt=0)
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    env: dict[str, str] = Field(default_factory=dict)
    kubernetes_conn_id: str | None = None
    schedule_timeout_seconds: PositiveSeconds = 6 * 3600
    startup_timeout_seconds: PositiveSeconds = 1200
    poll_seconds: PositiveSeconds = 5
    log_interval_seconds: PositiveSeconds = 30
    max_disruptions: int = Field(10, ge=0)
    cache_claim: str | None = None
    cpu: CpuShape = CpuShape()
    train: TrainShape = TrainShape()

    @model_validator(mode="after")
    def _checked(self) -> "Settings":
        if secret := [name for name in self.env if _SECRET_NAME.search(name)]:
            raise ValueError(f"env names {', '.join(secret)} look like credentials; give them to the service account")
        if DEFAULT_IMAGE in self.train.images:
            raise ValueError(f"train.images may not name {DEFAULT_IMAGE}, which is the installation's image")
        if self.execution is Execution.KUBERNETES:
            _require_fixed_image(self.image, "image")
            for kind in ("cpu", "train"):
                if image := self.shape(kind).image:
                    _require_fixed_image(image, f"{kind}.image")
            for name, image in self.train.images.items():
                _require_fixed_image(image, f"train.images.{name}")
        return self

    @property
    def default_spec(self) -> str:
        """Default of the form's `spec`."""
        return self.spec or str(self.specs_folder / "digits.yaml")

    def shape(self, kind: Kind) -> Shape:
        """Return the resources of this kind of step."""
        return self.train if kind == "train" else self.cpu

    def spec_files(self) -> list[str]:
        """Return the specs that the form suggests, sorted; empty if the folder is absent."""
        return sorted(str(path) for path in self.specs_folder.glob("*.yaml"))

    def default_args(self) -> dict[str, Any]:
        """Return the default arguments of a DAG's tasks: owner, retries with backoff, time limit."""
        return {
            "owner": self.owner,
            "retries": self.retries,
            "retry_delay": timedelta(seconds=self.retry_delay_seconds),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(seconds=self.max_retry_delay_seconds),
            "execution_timeout": timedelta(seconds=self.small_task_seconds),
        }


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        pydantic.ValidationError: a value is out of range; Airflow shows it as the DAG's import error.
    """
    return Settings()


def _require_fixed_image(image: str, field: str) -> None:
    name = image.rpartition("/")[2]
    if "@sha256:" not in image and (":" not in name or name.endswith(":latest")):
        raise ValueError(
            f"{field} is {image!r}, expected name:tag with a tag other than latest, or name@sha256:…; "
            f"set MEMPIPE_{field.replace('.', '__').upper()}"
        )
