"""Fixtures of the cluster tests: the cluster that `KUBECONFIG` names, new namespaces, an object store, Airflow.

The images come from the environment (`MEMPIPE_TEST_AIRFLOW_IMAGE`, …_TRAINER_…, …_OWN_…, …_POSTGRES_…, …_STORE_…); the
cluster holds them or can pull them. What fails leaves pods, events and logs below `MEMPIPE_TEST_ARTEFACTS`.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import fields

import pytest

from tests.cluster import object_store as store_manifests
from tests.cluster.artifacts import artifacts
from tests.cluster.diagnosis import collect
from tests.cluster.installation import Images, Installation, connected, install, training_namespace, uninstall
from tests.cluster.kubectl import Kubectl
from tests.cluster.object_store import ObjectStore
from tests.cluster.port_forward import port_forward
from tests.servers import absent, free_port

_RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """kubectl of a cluster that answers."""
    if not os.environ.get("KUBECONFIG"):
        absent("KUBECONFIG names no cluster")
    for program in ("kubectl", "helm"):
        if shutil.which(program) is None:
            absent(f"{program} is not on the PATH")
    kubectl = Kubectl()
    kubectl.run("get", "--raw", "/readyz", seconds=20)
    return kubectl


@pytest.fixture(scope="session")
def images() -> Images:
    """The images under test and those that stand beside them."""
    names = {field.name: f"MEMPIPE_TEST_{field.name.upper()}_IMAGE" for field in fields(Images)}
    if missing := [variable for variable in names.values() if not os.environ.get(variable)]:
        absent(f"{', '.join(missing)} is not set, expected name:tag")
    return Images(**{name: os.environ[variable] for name, variable in names.items()})


@pytest.fixture(scope="session")
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A new namespace for a release, with the Pod Security Standard "restricted"; gone after the session.

    So is the training namespace, which the chart makes.
    """
    name = f"mempipe-test-{secrets.token_hex(3)}"
    metadata = {"name": name, "labels": _RESTRICTED}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    yield name
    for each in (training_namespace(name), name):
        kubectl.delete("namespace", each, seconds=300)


@pytest.fixture(scope="session")
def object_store(kubectl: Kubectl, images: Images, namespace: str) -> Iterator[ObjectStore]:
    """The object store, with its bucket."""
    within = kubectl.within(namespace)
    within.apply(*store_manifests.manifests(images.store, namespace))
    within.rollout(f"deployment/{store_manifests.NAME}")
    inside = f"http://{store_manifests.address(namespace)}"
    with port_forward(within, f"svc/{store_manifests.NAME}", store_manifests.PORT) as url:
        store = ObjectStore(url, inside=inside)
        try:
            store.make_bucket()
            yield store
        finally:
            store.close()


@pytest.fixture(scope="session")
def airflow(
    images: Images, namespace: str, object_store: ObjectStore, request: pytest.FixtureRequest
) -> Iterator[Installation]:
    """The chart, installed and healthy."""
    failed_before, succeeded = request.session.testsfailed, False
    # Airflow's login page leads to the address that Airflow is told, so the local port is chosen first.
    url, password = f"http://127.0.0.1:{free_port()}", secrets.token_urlsafe(16)
    try:
        install(images, namespace, url, password, artifacts(namespace))
        with connected(namespace, url, password, object_store) as installation:
            yield installation
        succeeded = request.session.testsfailed == failed_before
    finally:
        if not succeeded:  # now, because the uninstallation takes the pods away
            _collect(namespace)
        uninstall(namespace)


def _collect(namespace: str) -> None:
    for each in (namespace, training_namespace(namespace)):
        collect(Kubectl(each), artifacts(each))
