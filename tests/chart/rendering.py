"""Renders the chart as users do, with helm, and reads what came out."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tests.servers import absent

HELM_FOLDER: Final = Path(__file__).parents[2] / "helm"
CHART: Final = HELM_FOLDER / "mempipe"
VALUES_FILES: Final = tuple(sorted(path.stem for path in (HELM_FOLDER / "values").glob("*.yaml")))
NAMESPACE: Final = "release-namespace"
TRAINING: Final = f"{NAMESPACE}-training"
_BUILT: Final = Path.home() / ".cache" / "test-cluster" / "bin" / "helm"
_STORE: Final = {"pipeline": {"store": "gs://bucket/folder"}}

Manifest = dict[str, Any]

EVERYTHING: Final[Manifest] = {
    "pipeline": {"store": "gs://bucket/folder", "schedule": "@weekly", "addTrials": 100, "automatic": False},
    "images": {
        "pullSecrets": ["registry"],
        "steps": {"repository": "registry:5000/steps"},
        "own": {"torch": "registry:5000/torch:2", "jax": f"registry/jax@sha256:{'0' * 64}"},
    },
    "training": {
        "podLabels": {"team": "vision"},
        "podEnv": {"TF_CPP_MIN_LOG_LEVEL": "1"},
        "dataCache": {"enabled": True},
    },
    "pools": {"train": {"spot": True, "queue": "gpus", "nodeSelector": {"gpu": "l4"}, "labels": {"cost": "gpu"}}},
    "networkPolicies": {"apiServerFrom": [{"podSelector": {}}], "extraEgress": [{"ports": [{"port": 8080}]}]},
    "airflow": {
        "secrets": {"generate": True},
        "ingress": {"enabled": True, "host": "airflow.example.com", "tlsSecret": "tls"},
        "logs": {"remoteFolder": "gs://bucket/logs"},
        "config": {"AIRFLOW__CORE__PARALLELISM": "5"},
        "env": [{"name": "EXAMPLE", "value": "1"}],
    },
    "postgresql": {"enabled": True},
}
"""Values that reach what the values files leave out."""

CASES: Final = [(name, None) for name in VALUES_FILES] + [("trial", EVERYTHING)]
CASE_NAMES: Final = [*VALUES_FILES, "everything"]


class HelmError(Exception):
    """helm ended with an error; the text is its output."""


def helm(command: str, folder: Path, values_file: str | None, values: Mapping[str, Any]) -> str:
    """Run `helm lint` or `helm template` on the chart.

    Args:
        command: `lint` or `template`.
        folder: for a temporary file.
        values_file: name of one of `helm/values`, without its ending.
        values: what counts more than that file.

    Returns:
        The standard output.
    """
    own = folder / "values.yaml"
    own.write_text(yaml.safe_dump(dict(values)))
    files = [HELM_FOLDER / "values" / f"{values_file}.yaml"] if values_file else []
    arguments = [str(CHART), "--namespace", NAMESPACE, "--kube-version", "1.29.0"]
    for file in (*files, own):
        arguments += ["--values", str(file)]
    head = ["lint", "--strict"] if command == "lint" else ["template", "mempipe"]
    ended = subprocess.run([_binary(), *head, *arguments], capture_output=True, text=True, check=False, timeout=60)
    if ended.returncode:
        raise HelmError(ended.stdout + ended.stderr)
    return ended.stdout


def render(folder: Path, values_file: str | None = None, values: Mapping[str, Any] | None = None) -> list[Manifest]:
    """Return the objects that the chart makes with these values and a store."""
    text = helm("template", folder, values_file, values if values is not None else _STORE)
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """Return the objects of a kind by name."""
    return {manifest["metadata"]["name"]: manifest for manifest in manifests if manifest["kind"] == kind}


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Yield each pod or pod template: the component's name, and the object with `metadata` and `spec`."""
    for manifest in manifests:
        if manifest["kind"] == "Pod":
            pod = manifest
        elif manifest["kind"] in {"Deployment", "StatefulSet", "Job"}:
            pod = manifest["spec"]["template"]
        else:
            continue
        yield pod["metadata"]["labels"]["app.kubernetes.io/component"], pod


def containers(pod: Manifest) -> list[Manifest]:
    """Return all containers of a pod, those that initialize it first."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def _binary() -> str:
    named = os.environ.get("HELM")
    binary = named or shutil.which("helm") or (str(_BUILT) if _BUILT.exists() else None)
    if binary is None:
        absent("helm is not here (HELM is not set, PATH and ~/.cache have none)")
    return binary
