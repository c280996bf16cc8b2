"""The package of docs/extend.md, installed: a spec with its model and data set runs into its store, and more."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from mempipe import load_release
from mempipe.errors import InputError, SpecError
from mempipe.report.content import ReportContent
from mempipe.report.images import find_images
from mempipe.spec import Component
from mempipe.storage import open_store
from mempipe.training.registry import check_model_fits, resolve_model
from tests.plugin_package import page_blocks, write_lab
from tests.storage.contract import StoreContract


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the page as pip would install it."""
    folder = tmp_path_factory.mktemp("site")
    write_lab(folder)
    return folder


@pytest.fixture
def installed(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("LAB_SHARE", str(tmp_path / "share"))


def test_the_spec_runs(site: Path, tmp_path: Path) -> None:
    """In a working folder with files that are named as libraries: no process may import them."""
    for name in ("keras", "random", "lab"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the working folder was imported')")
    (spec,) = page_blocks("yaml")
    (tmp_path / "stripes.yaml").write_text(spec)
    paths = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": paths, "LAB_SHARE": str(tmp_path / "share")}

    def mempipe(*arguments: str) -> str:
        command = [sys.executable, "-P", "-m", "mempipe", *arguments]
        process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
        assert process.returncode == 0, f"{process.stdout}\n{process.stderr}"
        return process.stdout.splitlines()[-1]

    for command in page_blocks("bash")[0].splitlines():
        uri = mempipe(*command.split()[1:])
    assert uri.startswith("share://runs/experiments/stripes/stripes-")
    assert uri.rpartition("/")[2].startswith("share-above-")
    (manifest,) = (tmp_path / "share" / "runs" / "releases" / "stripes").glob("*/manifest.json")
    release = load_release(manifest.parent)
    assert release.manifest.spec is not None
    assert release.manifest.spec["data"]["name"] == "lab:stripes"
    smoothed = release.estimates("smoothed")
    counts = {name: release.examples[name].to_numpy() for name in ("correct_in", "n_in", "correct_out", "n_out")}
    seen = (counts["correct_in"] + 1) / (counts["n_in"] + 2)
    held_out = (counts["correct_out"] + 1) / (counts["n_out"] + 2)
    np.testing.assert_array_equal(smoothed.examples["mem"].to_numpy(), seen - held_out)


@pytest.mark.usefixtures("installed")
def test_the_model_is_checked_as_a_built_in_one() -> None:
    model = resolve_model(Component.model_validate({"name": "funnel", "width": 8}))
    assert model.model_dump() == {"name": "funnel", "width": 8, "depth": 2}
    with pytest.raises(SpecError, match=r"model\.width is 1, expected"):
        resolve_model(Component.model_validate({"name": "funnel", "width": 1}))
    with pytest.raises(SpecError, match="funnel depth is 9, expected fewer halvings of width 8"):
        check_model_fits(model.model_copy(update={"depth": 9}), (8, 8, 1), 2)
    with pytest.raises(SpecError, match="expected one of airbench, densenet100, funnel, inception"):
        resolve_model(Component.model_validate({"name": "tunnel"}))


def test_a_report_imports_no_code_that_a_release_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    release = cast(ReportContent, SimpleNamespace(data={"name": "trap:data"}, fingerprint=None))
    assert "No images: trap:data is code" in find_images(release, None).note
    with pytest.raises(InputError, match="--data is given, expected none for the data set trap:data"):
        find_images(release, "images.npz")
    absent = cast(ReportContent, SimpleNamespace(data={"name": "not-installed"}, fingerprint=None))
    assert "No images: the data set was not found" in find_images(absent, None).note


@pytest.mark.usefixtures("installed")
class TestShare(StoreContract):
    """The store keeps the contract of every store."""

    @pytest.fixture
    def store(self):
        return open_store("share://lab")
