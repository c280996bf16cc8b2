"""The chart renders with its values files and refuses what is wrong, saying what."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import (
    CASE_NAMES,
    CASES,
    CHART,
    NAMESPACE,
    HelmError,
    containers,
    helm,
    of_kind,
    pods,
    render,
)

FREE_MAPS = {"quota", "resources"}
"""Values whose keys are Kubernetes' own."""


@pytest.mark.parametrize(("values_file", "values"), CASES, ids=CASE_NAMES)
def test_lint(tmp_path: Path, values_file: str, values: dict[str, Any] | None) -> None:
    text = helm("lint", tmp_path, values_file, values or {"pipeline": {"store": "gs://bucket/folder"}})
    assert "0 chart(s) failed" in text
    assert "[WARNING]" not in text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("pipeline.stroe", "gs://bucket"),
        ("pipeline.store", "bucket/folder"),
        ("images.tag", "latest"),
        ("images.trainer.repository", "mempipe-trainer:0.1.0"),
        ("images.airflow.digest", "sha256:12"),
        ("images.own.mine", "registry:5000/mine"),
        ("images.own.mine", "registry/mine:latest"),
        ("images.own.default", "registry/mine:1"),
        ("pools.train.slots", -1),
        ("pools.train.memory", "16 GB"),
        ("pools.cpu.gpuz", 1),
        ("training.namespace", "Training"),
        ("training.priorityClass.value", -11),
        ("airflow.scheduler.replicas", 0),
        ("airflow.baseUrl", "https://example.com/airflow"),
        ("airflow.config.CORE__PARALLELISM", "1"),
        ("airflow.config.AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://user:password@host"),
        ("postgresql.image", "postgres:latest"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(tmp_path: Path, path: str, value: Any) -> None:
    *parents, key = path.split(".")
    values: dict[str, Any] = {key: value}
    for parent in reversed(parents):
        values = {parent: values}
    with pytest.raises(HelmError) as error:
        render(tmp_path, "trial", values)
    assert "don't meet the specifications of the schema" in str(error.value)
    assert "/".join(parents) in str(error.value)
    assert key in str(error.value)


@pytest.mark.parametrize(
    ("values_file", "values", "message"),
    [
        (None, {}, "pipeline.store is empty"),
        ("trial", {"training": {"namespace": NAMESPACE}}, "training.namespace is the release namespace"),
        (
            "gke",
            {"pools": {"train": {"slots": 17}}},
            "allows 16 of requests.nvidia.com/gpu, but the pools can ask for 17",
        ),
        ("trial", {"airflow": {"database": {"secretName": "mine"}}}, "postgresql.enabled are both set"),
        ("trial", {"airflow": {"ingress": {"enabled": True}}}, "airflow.ingress.host is empty"),
        ("existing-airflow", {"airflow": {"existing": {"serviceAccounts": []}}}, "serviceAccounts is empty"),
    ],
)
def test_values_that_do_not_fit_together(
    tmp_path: Path, values_file: str | None, values: dict[str, Any], message: str
) -> None:
    store = {"pipeline": {"store": "gs://bucket/folder"}} if values else {}
    with pytest.raises(HelmError) as error:
        render(tmp_path, values_file, store | values)
    assert message in str(error.value)


def test_each_missing_secret_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(HelmError) as error:
        render(tmp_path)
    text = str(error.value)
    for value, secret in [
        ("airflow.secrets.name", "mempipe-airflow --from-literal=fernet-key="),
        ("airflow.admin.passwordSecret.name", "mempipe-admin --from-literal=password="),
        ("airflow.database.secretName", "mempipe-database --from-literal=connection="),
    ]:
        assert f"{value} is empty" in text
        assert f"kubectl --namespace {NAMESPACE} create secret generic {secret}" in text


def test_what_is_turned_off_is_not_made(tmp_path: Path) -> None:
    off = {
        "pipeline": {"store": "gs://bucket/folder"},
        "training": {"createNamespace": False, "quota": None, "priorityClass": {"create": False, "name": ""}},
        "networkPolicies": {"enabled": False},
        "airflow": {"admin": {"username": ""}},
    }
    manifests = render(tmp_path, "trial", off)
    for kind in ("Namespace", "ResourceQuota", "PriorityClass", "NetworkPolicy", "Ingress", "PersistentVolumeClaim"):
        assert not of_kind(manifests, kind), kind
    assert of_kind(manifests, "Secret").keys() == {"mempipe-airflow", "mempipe-postgresql"}
    assert "admin" not in [c["name"] for component, pod in pods(manifests) for c in containers(pod)]
    assert "priority_class" not in of_kind(manifests, "ConfigMap")["mempipe-settings"]["data"]["MEMPIPE_TRAIN"]


def test_values_schema_and_templates_know_the_same_keys() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    templates = "".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    described = set(_described(schema, schema["$defs"])) - {"global"}
    assert described == set(_arguments(values))
    assert [path for path in described if path.rpartition(".")[2] not in templates] == []


def _described(schema: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    paths = []
    for key, inner in schema.get("properties", {}).items():
        below = [] if key in FREE_MAPS else _described(inner, definitions)
        paths += [f"{key}.{path}" for path in below] or [key]
    return paths


def _arguments(values: dict[str, Any]) -> list[str]:
    paths = []
    for key, inner in values.items():
        below = _arguments(inner) if isinstance(inner, dict) and key not in FREE_MAPS else []
        paths += [f"{key}.{path}" for path in below] or [key]
    return paths
