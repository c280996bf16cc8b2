"""mempipe and Airflow understand the configuration that the chart sets."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from tests.chart.rendering import EVERYTHING, TRAINING, Manifest, containers, of_kind, pods, render


def test_no_config_map_holds_a_credential(manifests: list[Manifest]) -> None:
    for name, config_map in of_kind(manifests, "ConfigMap").items():
        for key in config_map["data"]:
            assert not key.endswith(("_KEY", "_SECRET", "SQL_ALCHEMY_CONN", "PASSWORD")), f"{name}: {key}"


def test_mempipe_reads_its_settings(manifests: list[Manifest], tmp_path: Path) -> None:
    settings = _settings(of_kind(manifests, "ConfigMap")["mempipe-settings"]["data"])
    assert settings["execution"] == "kubernetes"
    assert settings["namespace"] == TRAINING
    assert settings["service_account"] in of_kind(manifests, "ServiceAccount")
    assert settings["train"]["priority_class"] in of_kind(manifests, "PriorityClass")
    assert settings["cache_claim"] in {None, *of_kind(manifests, "PersistentVolumeClaim")}
    for kind, pool in json.loads(_pools(manifests)).items():
        assert settings[kind.removeprefix("mempipe_")]["pool"] == kind
        assert pool["include_deferred"] is True


def _pools(manifests: list[Manifest]) -> str:
    pools = of_kind(manifests, "ConfigMap").get("mempipe-pools")
    return pools["data"]["pools.json"] if pools else "{}"


def test_settings_carry_what_the_values_say(tmp_path: Path) -> None:
    settings = _settings(of_kind(render(tmp_path, "trial", EVERYTHING), "ConfigMap")["mempipe-settings"]["data"])
    assert settings["image"] == "mempipe-trainer:0.1.0"
    assert settings["image_pull_secrets"] == ["registry"]
    assert settings["schedule"] == "@weekly"
    assert settings["add_trials"] == 100
    assert settings["automatic"] is False
    assert settings["labels"] == {"team": "vision"}
    assert settings["env"] == {"TF_CPP_MIN_LOG_LEVEL": "1"}
    assert settings["cache_claim"] == "mempipe-data-cache"
    assert settings["cpu"]["image"] == "registry:5000/steps:0.1.0"
    train = settings["train"]
    assert train["image"] == ""
    assert train["images"] == {"torch": "registry:5000/torch:2", "jax": f"registry/jax@sha256:{'0' * 64}"}
    assert train["node_selector"] == {"gpu": "l4", "cloud.google.com/gke-spot": "true"}
    assert train["tolerations"][-1]["key"] == "cloud.google.com/gke-spot"
    assert train["labels"] == {"cost": "gpu", "kueue.x-k8s.io/queue-name": "gpus"}


def test_airflow_is_configured_by_the_values(tmp_path: Path) -> None:
    config = of_kind(render(tmp_path, "trial", EVERYTHING), "ConfigMap")["mempipe-airflow"]["data"]
    assert config["AIRFLOW__CORE__PARALLELISM"] == "5", "what the values add counts more than the chart's own"
    assert config["AIRFLOW__API__BASE_URL"] == "https://airflow.example.com"
    assert config["AIRFLOW__FAB__COOKIE_SECURE"] == "True"
    assert config["AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER"] == "gs://bucket/logs"
    plain = of_kind(render(tmp_path, "trial"), "ConfigMap")["mempipe-airflow"]["data"]
    assert plain["AIRFLOW__API__BASE_URL"] == "http://localhost:8080"
    assert not {"AIRFLOW__FAB__COOKIE_SECURE", "AIRFLOW__LOGGING__REMOTE_LOGGING"} & plain.keys()


def test_the_defaults_are_those_of_mempipe(tmp_path: Path) -> None:
    """The chart's defaults equal mempipe's, unless there is a reason."""
    chart = _settings(of_kind(render(tmp_path, "existing-airflow"), "ConfigMap")["mempipe-settings"]["data"])
    own = _settings({})
    reasons = {"execution", "store", "specs_folder", "image", "namespace"}
    for kind in ("train", "cpu"):
        differing = {key for key in own[kind] if chart[kind][key] != own[kind][key]}
        assert differing <= {"priority_class", "tolerations"}, kind
        reasons.add(kind)
    assert {key for key in own if chart[key] != own[key]} <= reasons


def _settings(variables: dict[str, str]) -> dict[str, Any]:
    """Let mempipe read its settings from these environment variables and no others."""
    code = "from mempipe.orchestration.settings import load_settings; print(load_settings().model_dump_json())"
    ended = _python(code, {name: value for name, value in os.environ.items() if "MEMPIPE" not in name} | variables)
    return json.loads(ended)


def test_airflow_knows_every_option(manifests: list[Manifest]) -> None:
    config_map = of_kind(manifests, "ConfigMap").get("mempipe-airflow", {"data": {}})
    (folder,) = find_spec("airflow").submodule_search_locations
    options = yaml.safe_load((Path(folder) / "config_templates" / "config.yml").read_text())
    for name in config_map["data"].keys() - {"USER"}:
        _, section, option = name.lower().split("__")
        if section != "fab":  # described by its provider
            assert option in options[section]["options"], name


def test_airflow_knows_every_command(tmp_path: Path) -> None:
    commands = []
    for component, pod in pods(render(tmp_path, "trial", EVERYTHING)):
        for container in containers(pod):
            if container.get("command") == ["airflow"]:
                commands.append(container["args"])
            probes = [probe for key, probe in container.items() if key.endswith("Probe") and "exec" in probe]
            if component != "postgresql":
                commands += [probe["exec"]["command"][1:] for probe in probes]
    assert len(commands) >= 4 + 4 + 4 + 4, "components, what they wait for, the job's containers, probes"
    by_provider = [command for command in commands if command[0] == "users"]
    code = f"""
from airflow.cli.cli_parser import get_parser
for command in {[command for command in commands if command not in by_provider]!r}:
    get_parser().parse_args(command)
"""
    _python(code, dict(os.environ) | {"AIRFLOW_HOME": str(tmp_path)})


def _python(code: str, environment: dict[str, str]) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
