"""One small run of the real pipeline, shared by the tests of this folder."""

import shutil
from pathlib import Path

import pytest

from tests.command import mempipe
from tests.tiny import TINY

SPEC = f"{TINY}task_size: 2\n"


@pytest.fixture(scope="session")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec of a few seconds."""
    path = tmp_path_factory.mktemp("spec") / "tiny.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture(scope="session")
def finished(spec: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store in which the run is finished, and its release; tests copy it before they change it."""
    store = tmp_path_factory.mktemp("finished") / "store"
    release = mempipe("run", spec, "--store", store).stdout.splitlines()[-1]
    return store, Path(release)


@pytest.fixture
def store(finished: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the finished store."""
    return Path(shutil.copytree(finished[0], tmp_path / "store"))
