"""One small run of the real pipeline, shared by the tests of this folder."""

import shutil
from pathlib import Path

import pytest

from tests.command import mempipe

SPEC = """
name: tiny
data: {name: digits}
model: {name: mlp, hidden: [12]}
recipe: {epochs: 6, batch_size: 64, learning_rate: 0.05}
trainer: {kind: ensemble, width: 10}
subsets: {design: uniform, ratio: 0.7}
seed: 11
trials: 40
chunk_size: 10
task_size: 2
"""


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
