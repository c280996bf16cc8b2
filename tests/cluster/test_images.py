"""The images, started as the pods of a step are: who they run as, what they can write, what they hold."""

import json
from pathlib import Path
from typing import Any

import pytest

from mempipe.orchestration.container_task import container_task
from mempipe.orchestration.settings import Settings
from tests.cluster.installation import Images
from tests.cluster.kubectl import Kubectl

pytestmark = pytest.mark.cluster

REQUIREMENTS = Path(__file__).parents[2] / "requirements"

LOOK = """
import importlib.util, json, os, pathlib, re
from importlib.metadata import distributions
def writable(folder):
    try:
        (pathlib.Path(folder) / "probe").touch()
        return True
    except OSError:
        return False
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
print(json.dumps({
    "uid": os.getuid(), "gid": os.getgid(), "capabilities": int(status["CapEff"], 16),
    "writable": [folder for folder in ("/", "/opt", "/opt/venv", "/opt/mempipe", "/tmp", "/etc") if writable(folder)],
    "packages": sorted(re.sub("[-_.]+", "-", found.name.lower()) + "==" + found.version for found in distributions()),
    "importable": [name for name in ("tensorflow", "airflow", "pip") if importlib.util.find_spec(name)],
    "specs": sorted(path.name for path in pathlib.Path("/opt/mempipe/specs").glob("*.yaml")),
}))
"""


def finished(kubectl: Kubectl, image: str, name: str, command: list[str], *, memory: str = "1Gi") -> str:
    """Run a pod with the restrictions of a step's to its end; return its log."""
    shape = {"gpus": 0, "cpu": "100m", "memory": memory}
    settings = Settings(execution="kubernetes", image=image, namespace=kubectl.namespace, cpu=shape)
    operator: Any = container_task("look", kind="cpu", arguments=command[1:], settings=settings)
    operator.cmds, operator.service_account_name, operator.random_name_suffix = command[:1], "default", False
    from kubernetes.client import ApiClient

    pod = ApiClient().sanitize_for_serialization(operator.build_pod_request_obj(dry_run=True))
    pod["metadata"]["name"] = name
    kubectl.apply(pod)
    try:
        kubectl.wait("pod", name, until="jsonpath={.status.phase}=Succeeded", seconds=180)
        return kubectl.run("logs", name)
    finally:
        kubectl.delete("pod", name)


def locked(name: str) -> set[str]:
    """Return the packages of a lock as `name==version`."""
    lines = (REQUIREMENTS / f"{name}.txt").read_text().splitlines()
    return {line.split()[0].partition("[")[0] for line in lines if "==" in line and not line.startswith(" ")}


def look(kubectl: Kubectl, image: str, name: str) -> dict[str, Any]:
    """Return what a pod of the image sees, after the checks that all images must pass."""
    seen: dict[str, Any] = json.loads(finished(kubectl, image, name, ["python", "-c", LOOK]).splitlines()[-1])
    assert (seen["uid"], seen["gid"], seen["capabilities"]) == (10001, 10001, 0)
    assert seen["writable"] == ["/tmp"]  # noqa: S108 - the pod's own
    assert "pip" not in seen["importable"]
    return seen


def test_the_trainer_holds_what_is_locked_and_no_airflow(kubectl: Kubectl, images: Images, namespace: str) -> None:
    seen = look(kubectl.within(namespace), images.trainer, "look-at-trainer")
    assert seen["importable"] == ["tensorflow"]
    assert {"digits.yaml", "mnist.yaml"} <= set(seen["specs"])
    assert {name for name in seen["packages"] if not name.startswith("mempipe==")} == locked("trainer")


def test_airflow_holds_what_is_locked_and_no_tensorflow(kubectl: Kubectl, images: Images, namespace: str) -> None:
    seen = look(kubectl.within(namespace), images.airflow, "look-at-airflow")
    assert seen["importable"] == ["airflow"]
    assert {"digits.yaml", "mnist.yaml"} <= set(seen["specs"])
    assert {name for name in seen["packages"] if not name.startswith("mempipe==")} == locked("airflow")


def test_the_own_trainer_holds_what_is_locked_and_no_tensorflow(
    kubectl: Kubectl, images: Images, namespace: str
) -> None:
    seen = look(kubectl.within(namespace), images.own, "look-at-own-trainer")
    assert seen["importable"] == []
    assert {name for name in seen["packages"] if not name.startswith("mempipe==")} == locked("own-trainer")


def test_the_trainer_runs_the_whole_pipeline(kubectl: Kubectl, images: Images, namespace: str) -> None:
    """With its scratch space as the store: every step works on the read-only file system, Great Expectations too."""
    command = ["mempipe", "run", "/opt/mempipe/specs/digits.yaml", "--store", "/tmp/store"]  # noqa: S108 - the pod's own
    command += ["--trials", "20", "--workers", "1"]
    log = finished(kubectl.within(namespace), images.trainer, "run-digits", command, memory="3Gi")
    # Progress and result come by two streams, so the result need not be the last line.
    assert any(line.startswith("/tmp/store/releases/digits/digits-") for line in log.splitlines()), log  # noqa: S108
