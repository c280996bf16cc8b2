"""One installation of the chart in the cluster: its values, and what a test needs to use it."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.cluster import object_store
from tests.cluster.airflow_api import AirflowApi
from tests.cluster.kubectl import Kubectl
from tests.cluster.port_forward import port_forward

CHART: Final = Path(__file__).parents[2] / "helm" / "mempipe"
RELEASE: Final = "mempipe"
STORE: Final = f"gs://{object_store.BUCKET}/store"
OWN_IMAGE: Final = "digits-network"
"""Name under which the forms offer the image of images/own-trainer."""
USERNAME: Final = "admin"
_ADMIN_SECRET: Final = "test-admin"  # noqa: S105 - a name
_CONNECTION: Final = {"conn_type": "google_cloud_platform", "extra": {"is_anonymous": True}}


class HelmError(Exception):
    """helm ended with an error or not in time; the text holds its messages."""


@dataclass(frozen=True)
class Images:
    """The images of one installation, as `name:tag`, which the cluster can pull or holds already."""

    airflow: str
    trainer: str
    own: str
    postgres: str
    store: str


@dataclass(frozen=True)
class Installation:
    """A running installation.

    Attributes:
        kubectl: of the release namespace.
        training: kubectl of the training namespace.
        url: of Airflow, from here.
        username, password: of its first user.
        api: its REST API, signed in.
        store: the object store that it works on.
    """

    kubectl: Kubectl
    training: Kubectl
    url: str
    username: str
    password: str
    api: AirflowApi
    store: object_store.ObjectStore


def training_namespace(namespace: str) -> str:
    """Return the name that the chart gives to the namespace of the training pods."""
    return f"{namespace}-training"


def values(images: Images, namespace: str, url: str) -> dict[str, Any]:
    """Return the chart's values for a small cluster: short delays, little memory, the test's object store."""
    emulator = f"http://{object_store.address(namespace)}"
    client = {"STORAGE_EMULATOR_HOST": emulator, "GOOGLE_CLOUD_PROJECT": object_store.PROJECT}
    airflow_environment = client | {"AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": json.dumps(_CONNECTION)}
    to_store = {
        "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}],
        "ports": [{"port": object_store.PORT, "protocol": "TCP"}],
    }
    return {
        "images": {
            "airflow": _named(images.airflow),
            "trainer": _named(images.trainer),
            "own": {OWN_IMAGE: images.own},
            "pullPolicy": "IfNotPresent",
        },
        "pipeline": {
            "store": STORE,
            "automatic": False,  # what waits for a release would take the only node from the tests
            "retries": 3,
            "retryDelaySeconds": 5,
            "maxRetryDelaySeconds": 20,
            "scheduleTimeoutSeconds": 300,
            "startupTimeoutSeconds": 180,
            "pollSeconds": 2,
            "logIntervalSeconds": 5,
        },
        "pools": {
            # So little CPU that two of them never have to give way to Airflow's own pods.
            "train": {"slots": 2, "cpu": "200m", "memory": "2Gi", "scratch": "1Gi", "gpus": 1},
            "cpu": {"slots": 2, "cpu": "250m", "memory": "2Gi", "scratch": "1Gi"},
        },
        # The priority class is the cluster's: a name of its own, so that other installations are not disturbed.
        "training": {"podEnv": client, "priorityClass": {"name": f"{namespace}-training"}},
        "networkPolicies": {"extraEgress": [to_store]},
        "airflow": {
            "baseUrl": url,
            "secrets": {"generate": True},
            "admin": {"username": USERNAME, "passwordSecret": {"name": _ADMIN_SECRET, "key": "password"}},
            "logs": {"remoteFolder": f"gs://{object_store.BUCKET}/logs"},
            "env": [{"name": name, "value": value} for name, value in airflow_environment.items()],
            "apiServer": _requests("250m"),
            "scheduler": _requests("250m"),
            "dagProcessor": _requests("100m"),
            "triggerer": _requests("100m"),
        },
        "postgresql": {"enabled": True, "image": images.postgres, "storage": {"persistent": False}},
    }


def install(images: Images, namespace: str, url: str, password: str, folder: Path) -> None:
    """Install the chart into a namespace that is there, and wait until it works.

    Args:
        images: to use.
        namespace: of the release.
        url: of Airflow, as the browser and the API's client will know it.
        password: of the first user.
        folder: where the values are written to.
    """
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _ADMIN_SECRET}}
    Kubectl(namespace).apply(secret | {"stringData": {"password": password}})
    values_file = folder / "values.json"
    values_file.write_text(json.dumps(values(images, namespace, url), indent=2))
    helm(
        *("upgrade", "--install", RELEASE, str(CHART), "--namespace", namespace, "--values", str(values_file)),
        *("--wait", "--wait-for-jobs", "--timeout", "8m"),
        seconds=500,
    )


def uninstall(namespace: str) -> None:
    """Uninstall what `install` installed, or the part of it that is there."""
    helm("uninstall", RELEASE, "--namespace", namespace, "--ignore-not-found", "--wait", seconds=330)


@contextmanager
def connected(namespace: str, url: str, password: str, store: object_store.ObjectStore) -> Iterator[Installation]:
    """Reach an installation at `url`, as long as the context lasts."""
    kubectl, local = Kubectl(namespace), int(url.rpartition(":")[2])
    with (
        port_forward(kubectl, f"svc/{api_service(kubectl)}", 8080, local=local),
        closing(AirflowApi(url, USERNAME, password)) as api,
    ):
        yield Installation(kubectl, Kubectl(training_namespace(namespace)), url, USERNAME, password, api, store)


def api_service(kubectl: Kubectl) -> str:
    """Return the name of the Service of the API server."""
    services = kubectl.items("service", selector="app.kubernetes.io/component=api-server")
    assert len(services) == 1, f"{len(services)} Services of an API server"
    return str(services[0]["metadata"]["name"])


def helm(*arguments: str, seconds: float = 60) -> str:
    """Return what helm prints.

    Raises:
        HelmError: it ended with an error, or not within so many seconds.
    """
    command = ["helm", *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise HelmError(f"{' '.join(command)} did not end within {seconds:.0f} s") from error
    if done.returncode != 0:
        raise HelmError(f"{' '.join(command)} ended with code {done.returncode}:\n{done.stderr}")
    return done.stdout


def _named(image: str) -> Mapping[str, str]:
    repository, _, tag = image.rpartition(":")
    return {"repository": repository, "tag": tag}


def _requests(cpu: str) -> dict[str, Any]:
    """Return what an Airflow component asks for: its share of a small machine; the limits stay the chart's."""
    return {"resources": {"requests": {"cpu": cpu, "memory": "512Mi"}}}
