"""How the DAGs run here: typed settings from the environment, read when a DAG is parsed; no Airflow Variables.

A name is `MEMPIPE_` and the field in capitals: `MEMPIPE_EXECUTION=kubernetes`; a part of a part is joined by two
underscores: `MEMPIPE_TRAIN__MEMORY=16Gi`; lists and mappings are JSON: `MEMPIPE_LABELS={"team": "vision"}`.
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
"""What a step needs: `train` is what runs on the GPU pool, `cpu` is every other step."""

_PROJECT: Final = Path(__file__).resolve().parents[2]
_SECRET_NAME: Final = re.compile(r"(?i)secret|passw|token|credential|api_?key|private_?key|connection_?string")

Quantity = Annotated[str, Field(pattern=r"^\d+(\.\d+)?(m|[kKMGT]i?)?$")]
"""An amount as Kubernetes writes it: `500m`, `2`, `4Gi`."""

PositiveSeconds = Annotated[int, Field(gt=0)]


def _default_store() -> str:
    """Return the folder `mempipe-store` of the checkout; of an installed package, the one in Airflow's home."""
    if (_PROJECT / "pyproject.toml").exists():
        return str(_PROJECT / "mempipe-store")
    home = os.path.expanduser(os.environ.get("AIRFLOW_HOME") or "~/airflow")  # noqa: PTH111 - no error without a home
    return f"{home}/mempipe-store"


class Execution(StrEnum):
    """Where a container task runs."""

    LOCAL = "local"
    KUBERNETES = "kubernetes"


class Shape(BaseModel):
    """What one kind of step gets.

    Attributes:
        pool: the Airflow pool that bounds how many run at once; it must exist.
        image: of its pods; empty: the installation's. So that only GPU pods carry the libraries of a GPU.
        cpu, memory: what its pod requests; the memory is its limit, too.
        scratch: size of the pod's `/tmp`, the only place that it can write to.
        gpus: whole GPUs of its pod; 0 for none.
        gpu_resource: the name under which the nodes advertise them.
        node_selector, tolerations: which nodes; tolerations as in a pod's spec.
        priority_class: of its pod.
        labels: added to its pod, such as the queue that Kueue reads.
        active_deadline_seconds: a pod or process that runs longer is ended and its task tried again.
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


class TrainShape(Shape):
    """Training: one GPU; a task is a few chunks of 30 to 60 minutes each, so a day is far beyond a healthy one."""

    pool: str = "mempipe_train"
    cpu: Quantity = "4"
    memory: Quantity = "16Gi"
    gpus: int = Field(1, ge=0)
    active_deadline_seconds: PositiveSeconds = 24 * 3600


class Settings(BaseSettings):
    """Everything that may differ between two installations.

    Attributes:
        execution: `local`: a process beside the Airflow worker; `kubernetes`: a pod.
        store: default of the form's `store`.
        specs_folder: its YAML files are what the form suggests.
        spec: default of the form's `spec`; empty: `digits.yaml` of `specs_folder`.
        schedule: cron expression or preset; None: only when triggered.
        automatic: whether experiments that only read a release, and reports, are made when there is something new.
        add_trials: default of the form's `add_trials`: by how much a scheduled run extends its estimate.
        owner: of the DAGs.
        retries: how often a task is tried again after a transient failure; a permanent one is never tried again.
        retry_delay_seconds: before the first retry; doubled before each further one, at most `max_retry_delay_seconds`.
        small_task_seconds: limit of the tasks that only read from the store, inside the Airflow worker.
        image: of every pod, with a tag other than `latest` or with a digest.
        image_pull_policy, image_pull_secrets: as in a pod's spec; names of secrets.
        namespace: of the pods; None: Airflow's own.
        service_account: of the pods; its token is not mounted.
        run_as: numeric user and group of the pods.
        labels, annotations: added to every pod.
        env: added to every pod's environment; never for credentials, which are the service account's business.
        kubernetes_conn_id: Airflow connection with a kubeconfig; None: the cluster that Airflow runs in.
        schedule_timeout_seconds: from creation to a node: a GPU node may have to be made, or others may hold the GPUs.
        startup_timeout_seconds: from a node to running: a large image may have to be pulled.
        poll_seconds: how often the triggerer looks at a running pod.
        log_interval_seconds: how often a running pod's log is fetched.
        max_disruptions: how often one try may replace a pod that the cluster took away (evicted, preempted, deleted).
        cache_claim: persistent volume claim in which the pods keep copies of remote data sets; None: in their scratch.
        cpu, train: what the two kinds of step get.
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
        if self.execution is Execution.KUBERNETES:
            _require_fixed_image(self.image, "image")
            for kind in ("cpu", "train"):
                if image := self.shape(kind).image:
                    _require_fixed_image(image, f"{kind}.image")
        return self

    @property
    def default_spec(self) -> str:
        """The spec that the form starts with."""
        return self.spec or str(self.specs_folder / "digits.yaml")

    def shape(self, kind: Kind) -> Shape:
        """Return what steps of this kind get."""
        return self.train if kind == "train" else self.cpu

    def spec_files(self) -> list[str]:
        """Return the specs that the form suggests, sorted; none where the folder is absent."""
        return sorted(str(path) for path in self.specs_folder.glob("*.yaml"))

    def default_args(self) -> dict[str, Any]:
        """Return what every task of a DAG has unless it says otherwise: an owner, retries with back-off, a limit."""
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
