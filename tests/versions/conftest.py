"""Copies of what earlier versions wrote."""

import shutil
from pathlib import Path

import pytest

from mempipe.release.load import Release, load_release


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The store of 0.1, moved to another place."""
    return Path(shutil.copytree(Path(__file__).parent / "data_0_1", tmp_path / "store"))


@pytest.fixture
def run_path(store: Path) -> Path:
    (path,) = store.glob("runs/early-d2*")
    return path


@pytest.fixture
def release(store: Path) -> Release:
    return load_release(store / "releases" / "early")
