"""Settings from the environment."""

import pytest
from pydantic import ValidationError

from mempipe.orchestration.settings import Execution, load_settings


def test_the_default_is_this_machine():
    settings = load_settings()
    assert settings.execution is Execution.LOCAL
    assert settings.schedule is None
    assert settings.default_spec.endswith("specs/digits.yaml")
    assert settings.default_spec in settings.spec_files()


def test_parts_of_parts_and_mappings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEMPIPE_TRAIN__MEMORY", "64Gi")
    monkeypatch.setenv("MEMPIPE_TRAIN__GPUS", "2")
    monkeypatch.setenv("MEMPIPE_TRAIN__NODE_SELECTOR", '{"pool": "gpu"}')
    monkeypatch.setenv("MEMPIPE_LABELS", '{"team": "vision"}')
    settings = load_settings()
    assert settings.shape("train").memory == "64Gi"
    assert settings.shape("train").gpus == 2
    assert settings.shape("train").pool == "mempipe_train"
    assert settings.shape("train").node_selector == {"pool": "gpu"}
    assert settings.shape("cpu").memory == "4Gi"
    assert settings.shape("cpu").gpus == 0
    assert settings.labels == {"team": "vision"}


def test_a_specs_folder_brings_its_default_spec(monkeypatch: pytest.MonkeyPatch, tmp_path):
    (tmp_path / "b.yaml").touch()
    (tmp_path / "a.yaml").touch()
    (tmp_path / "notes.txt").touch()
    monkeypatch.setenv("MEMPIPE_SPECS_FOLDER", str(tmp_path))
    settings = load_settings()
    assert settings.spec_files() == [str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]
    assert settings.default_spec == str(tmp_path / "digits.yaml")
    monkeypatch.setenv("MEMPIPE_SPECS_FOLDER", str(tmp_path / "absent"))
    assert load_settings().spec_files() == []


def test_another_variable_of_ours_is_no_setting(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEMPIPE_CACHE", "/cache")
    load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MEMPIPE_EXECUTION", "cloud"),
        ("MEMPIPE_RETRIES", "0"),
        ("MEMPIPE_ADD_TRIALS", "0"),
        ("MEMPIPE_TRAIN__MEMORY", "a lot"),
        ("MEMPIPE_TRAIN__GPUS", "-1"),
        ("MEMPIPE_TRAIN__IMAGES", '{"default": "registry/mine:1"}'),
        ("MEMPIPE_TRAIN__IMAGES", '{"two words": "registry/mine:1"}'),
        ("MEMPIPE_CPU__IMAGES", '{"mine": "registry/mine:1"}'),
        ("MEMPIPE_TRAIN__MEMROY", "4Gi"),
        ("MEMPIPE_RUN_AS", "0"),
        ("MEMPIPE_ENV", '{"STORE_TOKEN": "x"}'),
        ("MEMPIPE_ENV", '{"AWS_SECRET_ACCESS_KEY": "x"}'),
    ],
)
def test_wrong_values_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        load_settings()


@pytest.mark.parametrize("image", ["", "mempipe", "mempipe:latest", "registry:5000/mempipe", "registry:5000/m:latest"])
def test_a_pod_needs_a_fixed_image(monkeypatch: pytest.MonkeyPatch, image: str):
    monkeypatch.setenv("MEMPIPE_EXECUTION", "kubernetes")
    monkeypatch.setenv("MEMPIPE_IMAGE", image)
    with pytest.raises(ValidationError, match="MEMPIPE_IMAGE"):
        load_settings()


def test_an_image_of_the_forms_is_fixed_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEMPIPE_EXECUTION", "kubernetes")
    monkeypatch.setenv("MEMPIPE_IMAGE", "mempipe:1.0")
    monkeypatch.setenv("MEMPIPE_TRAIN__IMAGES", '{"mine": "registry/mine"}')
    with pytest.raises(ValidationError, match=r"train\.images\.mine is 'registry/mine', expected name:tag"):
        load_settings()


@pytest.mark.parametrize("image", ["mempipe:1.0", "registry:5000/mempipe:1.0", "registry/mempipe@sha256:" + "0" * 64])
def test_a_fixed_image_is_accepted(monkeypatch: pytest.MonkeyPatch, image: str):
    monkeypatch.setenv("MEMPIPE_EXECUTION", "kubernetes")
    monkeypatch.setenv("MEMPIPE_IMAGE", image)
    assert load_settings().image == image
