"""Releases and two experiments that train, shared by the tests of this folder."""

import shutil
from pathlib import Path

import pytest

from mempipe.release.load import Release, load_release
from tests.command import mempipe
from tests.tiny import TINY

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one release and the influencers' experiment on it; tests that change it copy it."""
    folder = tmp_path_factory.mktemp("experiments")
    (folder / "tiny.yaml").write_text(TINY)
    mempipe("run", folder / "tiny.yaml", "--store", folder / "store", timeout=600)
    return folder / "store"


@pytest.fixture(scope="session")
def release_path(world: Path) -> Path:
    """The release of `world`."""
    (path,) = (world / "releases" / "tiny").glob("tiny-*")
    return path


@pytest.fixture(scope="session")
def influenced(world: Path, release_path: Path) -> tuple[Path, Path]:
    """The plan and the result of `mempipe experiment influencers` with 3 models in each setting."""
    done = mempipe("experiment", "influencers", release_path, "--repeats", "3", timeout=600)
    (plan,) = (world / "experiments" / "tiny" / release_path.name / "plans").glob("influencers-*.json")
    return plan, Path(done.stdout.splitlines()[-1])


@pytest.fixture
def store(influenced: tuple[Path, Path], world: Path, tmp_path: Path) -> Path:
    """A copy of the store."""
    return Path(shutil.copytree(world, tmp_path / "store"))


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """150 models of the digits with a planted tail; experiments add to its store and change nothing in it."""
    store = tmp_path_factory.mktemp("planted") / "store"
    process = mempipe("run", SPECS / "digits_long_tail.yaml", "--store", store, "--trials", "150", "--workers", "1")
    return load_release(process.stdout.splitlines()[-1])
