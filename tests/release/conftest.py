"""Releases that most tests read."""

import shutil
from pathlib import Path

import pytest

from mempipe.release.load import Release, load_release
from mempipe.release.manifest import Manifest
from mempipe.release.write import write_release
from tests.release.authors import Copied
from tests.release.world import World, make_world


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def local_release(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """A folder with a whole release, and its manifest; tests only read it."""
    folder = tmp_path_factory.mktemp("release")
    return folder, write_release(world.content(), folder)


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Of a data set with file names, so that it has all three files."""
    folder, world = tmp_path_factory.mktemp("release"), make_world()
    names = [f"käse_{i}.png" for i in range(len(world.train_labels))], [f"{j}.png" for j in range(23)]
    write_release(world.content(train_filenames=names[0], test_filenames=names[1]), folder)
    return load_release(folder)


@pytest.fixture
def copied(release: Release, tmp_path: Path) -> Copied:
    """Copies files of the release into a folder of their own."""

    def copy(*names: str) -> Path:
        folder = tmp_path / "authors"
        folder.mkdir(exist_ok=True)
        for name in names:
            shutil.copy(Path(release.uri) / name, folder)
        return folder

    return copy
