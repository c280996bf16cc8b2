"""What the accounts of an installation may do, and that the cluster itself accepts every object of the chart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cluster.installation import CHART, Installation, helm
from tests.cluster.kubectl import Kubectl, KubectlError

pytestmark = pytest.mark.cluster

VALUES: Final = sorted((CHART.parent / "values").glob("*.yaml"))

AIRFLOW_MAY: Final = [
    *((verb, "pods") for verb in ("create", "get", "list", "watch", "delete", "patch")),
    ("get", "pods/log"),
    ("list", "events"),
]
NOBODY_MAY: Final = [
    ("get", "secrets"),
    ("list", "secrets"),
    ("create", "pods/exec"),
    ("get", "pods/exec"),
    ("create", "pods/attach"),
    ("create", "serviceaccounts/token"),
    ("list", "configmaps"),
    ("update", "pods"),
    ("create", "deployments.apps"),
    ("create", "roles.rbac.authorization.k8s.io"),
    ("create", "rolebindings.rbac.authorization.k8s.io"),
]
OF_THE_CLUSTER: Final = [
    ("list", "nodes"),
    ("list", "namespaces"),
    ("create", "namespaces"),
    ("list", "pods"),
    ("list", "secrets"),
    ("create", "clusterrolebindings.rbac.authorization.k8s.io"),
]


def account(installation: Installation, name: str) -> str:
    """Return a service account as `namespace:name`; it is there, else every "no" would mean nothing."""
    kubectl = installation.training if name == "mempipe-trainer" else installation.kubectl
    kubectl.get("serviceaccount", name)
    return f"{kubectl.namespace}:{name}"


def rights(
    installation: Installation, name: str, namespace: str | None, permissions: list[tuple[str, str]]
) -> set[str]:
    """Return which of these rights an account has, in a namespace or in the whole cluster."""
    who = account(installation, name)
    return {
        f"{verb} {resource}"
        for verb, resource in permissions
        if installation.kubectl.can_i(verb, resource, service_account=who, namespace=namespace)
    }


def test_airflow_may_handle_training_pods_and_nothing_else(airflow: Installation) -> None:
    permissions = AIRFLOW_MAY + NOBODY_MAY
    expected = {f"{verb} {resource}" for verb, resource in AIRFLOW_MAY}
    assert rights(airflow, "airflow", airflow.training.namespace, permissions) == expected


@pytest.mark.parametrize("name", ["airflow", "airflow-web", "mempipe-trainer"])
def test_nobody_may_do_anything_elsewhere(airflow: Installation, name: str) -> None:
    for namespace in (airflow.kubectl.namespace, "kube-system"):
        assert rights(airflow, name, namespace, AIRFLOW_MAY + NOBODY_MAY) == set(), namespace
    assert rights(airflow, name, None, OF_THE_CLUSTER) == set()


@pytest.mark.parametrize("name", ["airflow-web", "mempipe-trainer"])
def test_other_accounts_may_do_nothing_beside_the_training_pods(airflow: Installation, name: str) -> None:
    assert rights(airflow, name, airflow.training.namespace, AIRFLOW_MAY + NOBODY_MAY) == set()


def test_pods_are_restricted(airflow: Installation) -> None:
    """The namespace enforces the Pod Security Standard; on top of it root file systems and tokens are looked at."""
    pods = airflow.kubectl.items("pod", selector="app.kubernetes.io/instance=mempipe")
    assert len(pods) >= 5, "API server, scheduler, DAG processor, triggerer, PostgreSQL"
    with_token = {"scheduler", "triggerer", "cluster-check"}  # the last where `helm test` ran
    for pod in pods:
        spec, component = pod["spec"], pod["metadata"]["labels"]["app.kubernetes.io/component"]
        assert has_token(spec) == (component in with_token), component
        for container in spec["containers"] + spec.get("initContainers", []):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"], f"{component}: {container['name']}"
            assert "memory" in container["resources"]["limits"], f"{component}: {container['name']}"


def has_token(spec: dict[str, Any]) -> bool:
    """Tell whether a pod holds a token of its account."""
    projected = [volume.get("projected", {}).get("sources", []) for volume in spec.get("volumes", [])]
    return any("serviceAccountToken" in source for sources in projected for source in sources)


def test_both_namespaces_refuse_a_pod_that_is_not_restricted(airflow: Installation) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {"containers": [{"name": "root", "image": "none", "securityContext": {"runAsUser": 0}}]},
    }
    for kubectl in (airflow.kubectl, airflow.training):
        with pytest.raises(KubectlError, match='violates PodSecurity "restricted'):
            kubectl.apply(pod, options=("--dry-run=server",))


@pytest.fixture(scope="module")
def dry_namespace(kubectl: Kubectl, namespace: str) -> Iterator[str]:
    """Two empty namespaces, because a dry run makes none."""
    name = f"{namespace}-dry"
    both = [name, f"{name}-training"]
    kubectl.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}} for each in both))
    yield name
    for each in both:
        kubectl.delete("namespace", each)


@pytest.mark.parametrize("values_file", VALUES, ids=lambda path: path.stem)
def test_the_cluster_accepts_every_object(kubectl: Kubectl, dry_namespace: str, values_file: Path) -> None:
    """Strictly: unknown and doubled fields are errors, and so is what an admission plugin refuses.

    The pod of `helm test` is left out: admission wants its account, which a dry run does not make.
    """
    rendered = helm(
        *("template", "dry", str(CHART), "--namespace", dry_namespace, "--values", str(values_file)),
        *("--set", "pipeline.store=gs://bucket/folder", "--set", f"training.priorityClass.name={dry_namespace}"),
        *("--kube-version", kubectl.server_version(), "--skip-tests"),
    )
    output = kubectl.run("apply", "-f", "-", "--dry-run=server", "--validate=strict", stdin=rendered, seconds=120)
    assert output.count("(server dry run)") >= rendered.count("\nkind: ")
