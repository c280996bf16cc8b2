"""The object store inside the cluster: its manifests, and a client that also sets and reads faults.

Google's library is imported where it is used: it warns at import, and pytest reads this module by way of conftest.py,
before tests/conftest.py can say that the warning is accepted.
"""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import httpx

from tests.cluster.images.store.proxy import CONTROL

if TYPE_CHECKING:
    from mempipe.storage.gcs import GcsStore

NAME: Final = "object-store"
PORT: Final = 8080
BUCKET: Final = "mempipe-test"
PROJECT: Final = "test"
_LABELS: Final = {"app.kubernetes.io/name": NAME}


def address(namespace: str) -> str:
    """Return `HOST:PORT` of the store for every pod of the cluster."""
    return f"{NAME}.{namespace}.svc.cluster.local:{PORT}"


def manifests(image: str, namespace: str) -> list[dict[str, Any]]:
    """Return the Deployment and the Service; objects are held in memory and end with the pod."""
    container = {
        "name": "store",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "PUBLIC_HOST", "value": address(namespace)}],
        "ports": [{"name": "http", "containerPort": PORT}],
        # The proxy's own page: a pod with a fault stays ready, so that its requests get the fault's answer.
        "readinessProbe": {"httpGet": {"path": CONTROL, "port": "http"}, "periodSeconds": 2},
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the pod's own
    }
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }
    metadata = {"name": NAME, "namespace": namespace, "labels": _LABELS}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},  # two would hold different objects
            "selector": {"matchLabels": _LABELS},
            "template": {"metadata": {"labels": _LABELS}, "spec": pod},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": _LABELS, "ports": [{"name": "http", "port": PORT, "targetPort": "http"}]},
    }
    return [deployment, service]


class Faults:
    """The proxy's control page; use it as a context."""

    def __init__(self, url: str) -> None:
        """Connect to the proxy at `url`."""
        self._client = httpx.Client(base_url=url, timeout=20, trust_env=False, transport=httpx.HTTPTransport(retries=5))

    def __enter__(self) -> "Faults":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep the fault; close the connection."""
        self._client.close()

    def start(self, *, seconds: float, status: int = 503) -> None:
        """Answer every request with `status` for so many seconds from now."""
        self._client.post(CONTROL, json={"status": status, "seconds": seconds}).raise_for_status()

    def stop(self) -> None:
        """Pass requests on again."""
        self.start(seconds=0)

    def answered(self) -> int:
        """Return how many requests got a fault's answer since the store's start."""
        return int(self._client.get(CONTROL).raise_for_status().json()["answered"])


class ObjectStore:
    """The running store, seen from outside the cluster.

    Attributes:
        url: where it answers here.
        inside: where it answers in the cluster.
        faults: the faults that its proxy makes.
    """

    def __init__(self, url: str, *, inside: str) -> None:
        """Connect to the store at `url`, without credentials."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        self.url, self.inside = url, inside
        self.faults = Faults(url)
        self.client = storage.Client(
            project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
        )

    def close(self) -> None:
        """Close the connections."""
        self.faults.__exit__(None, None, None)
        self.client.close()

    def make_bucket(self, *, seconds: float = 30.0) -> None:
        """Make the bucket of the tests; the store behind the proxy may take a moment to start."""
        deadline = time.monotonic() + seconds
        while not self.client.bucket(BUCKET).exists(timeout=10):
            try:
                self.client.create_bucket(BUCKET, timeout=10)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def store(self, prefix: str) -> "GcsStore":
        """Return a store of the bucket; objects of more than one chunk cannot be written from outside the cluster."""
        from mempipe.storage.gcs import GcsStore

        return GcsStore(BUCKET, prefix, client=self.client)
