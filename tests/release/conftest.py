"""A release that most tests read."""

from pathlib import Path

import pytest

from mempipe.release.manifest import Manifest
from mempipe.release.write import write_release
from tests.release.world import World, make_world


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def written(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """A folder with a whole release, and its manifest; tests only read it."""
    folder = tmp_path_factory.mktemp("release")
    return folder, write_release(world.content(), folder)
