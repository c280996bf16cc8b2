"""What the chart makes is safe and fits together."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet

from tests.chart.rendering import EVERYTHING, NAMESPACE, TRAINING, Manifest, containers, of_kind, pods, render


def test_every_pod_is_restricted(manifests: list[Manifest]) -> None:
    for component, pod in pods(manifests):
        spec = pod["spec"]
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, component
        assert security["runAsUser"] == (999 if component == "postgresql" else 10001), component
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, component
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), component
        assert all({"emptyDir", "configMap"} & volume.keys() for volume in spec.get("volumes", [])), component
        needs_token = component in {"scheduler", "triggerer", "cluster-check"}
        assert spec["automountServiceAccountToken"] is needs_token, component
        assert spec["serviceAccountName"] == ("airflow" if needs_token else "airflow-web"), component
        for container in containers(pod):
            where = f"{component}/{container['name']}"
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, where
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), where
            assert "memory" in container["resources"]["limits"], where
            assert "latest" not in container["image"], where


def test_airflow_may_handle_pods_of_the_training_namespace_and_nothing_else(manifests: list[Manifest]) -> None:
    assert not of_kind(manifests, "ClusterRole")
    assert not of_kind(manifests, "ClusterRoleBinding")
    (role,) = of_kind(manifests, "Role").values()
    (binding,) = of_kind(manifests, "RoleBinding").values()
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == TRAINING
    assert {(tuple(rule["apiGroups"]), *rule["resources"]): set(rule["verbs"]) for rule in role["rules"]} == {
        (("",), "pods"): {"get", "list", "watch", "create", "patch", "delete"},
        (("",), "pods/log"): {"get"},
        (("",), "events"): {"get", "list", "watch"},
    }
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    subjects = [(subject["namespace"], subject["name"]) for subject in binding["subjects"]]
    existing = [("airflow", "airflow-scheduler"), ("airflow", "airflow-triggerer")]
    assert subjects == ([(NAMESPACE, "airflow")] if list(pods(manifests)) else existing)
    accounts = of_kind(manifests, "ServiceAccount")
    assert all(account["automountServiceAccountToken"] is False for account in accounts.values())


def test_training_pods_are_shut_in(manifests: list[Manifest]) -> None:
    policy = of_kind(manifests, "NetworkPolicy")["mempipe-training"]
    assert policy["metadata"]["namespace"] == TRAINING
    assert policy["spec"]["podSelector"] == {}
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy["spec"]
    labels = of_kind(manifests, "Namespace")[TRAINING]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("values", [None, EVERYTHING], ids=["trial", "everything"])
def test_what_pods_refer_to_is_there(tmp_path: Path, values: dict[str, Any] | None) -> None:
    manifests = render(tmp_path, "trial", values)
    config_maps, secrets = of_kind(manifests, "ConfigMap"), of_kind(manifests, "Secret")
    labels = [pod["metadata"]["labels"] for _, pod in pods(manifests)]
    for component, pod in pods(manifests):
        assert pod["spec"]["serviceAccountName"] in of_kind(manifests, "ServiceAccount"), component
        for volume in pod["spec"]["volumes"]:
            assert volume.get("configMap", {}).get("name") in {None, *config_maps}, component
        for container in containers(pod):
            assert {source["configMapRef"]["name"] for source in container.get("envFrom", [])} <= config_maps.keys()
            for variable in container["env"]:
                if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                    assert reference["key"] in secrets[reference["name"]]["data"], variable["name"]
    for manifest in manifests:
        selector = manifest.get("spec", {}).get("selector") or manifest.get("spec", {}).get("podSelector")
        selected = (selector or {}).get("matchLabels", selector)
        if selected:
            name = f"{manifest['kind']} {manifest['metadata']['name']}"
            assert any(selected.items() <= present.items() for present in labels), name


def test_generated_secrets_are_usable_and_stay_secret(tmp_path: Path) -> None:
    manifests = render(tmp_path, "trial")
    secrets = of_kind(manifests, "Secret")
    plain = [base64.b64decode(value).decode() for secret in secrets.values() for value in secret["data"].values()]
    assert len(plain) == len(set(plain)) == 5
    assert Fernet(base64.b64decode(secrets["mempipe-airflow"]["data"]["fernet-key"]).decode())
    elsewhere = yaml.safe_dump([manifest for manifest in manifests if manifest["kind"] != "Secret"])
    assert not [value for value in plain if value in elsewhere]
