"""A release in a plain folder: new or empty, its own unfinished attempt, or itself; anything else is left alone."""

import os
from pathlib import Path

import pytest

from mempipe.errors import InputError, ReleaseError
from mempipe.places import MANIFEST
from mempipe.release.folder import check_folder, publish_folder
from mempipe.release.load import load_release
from mempipe.release.manifest import Manifest
from mempipe.release.publish import Outcome
from mempipe.release.write import write_release
from mempipe.storage.local import LocalStore
from mempipe.storage.protocol import HIDDEN
from mempipe.storage.staging import staging_folder
from tests.racing import racers
from tests.release.stores import Killed
from tests.release.world import World


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def score(world: World, out: Path) -> tuple[Manifest, Outcome]:
    check_folder(out, name="tiny")
    with staging_folder(out) as staging:
        return publish_folder(out, staging, write_release(world.content(), staging))


@pytest.mark.parametrize("state", ["absent", "empty"])
def test_new_or_empty_folder(world: World, local_release: tuple[Path, Manifest], tmp_path: Path, state: str) -> None:
    out = tmp_path / "a" / "out"
    if state == "empty":
        out.mkdir(parents=True)
    assert score(world, out)[1] is Outcome.PUBLISHED
    assert snapshot(out) == snapshot(local_release[0])
    assert sorted(path.name for path in out.iterdir() if path.name.startswith(".")) == []
    load_release(out).verify()
    assert check_folder(out, name="tiny") == local_release[1]


def test_the_same_release_is_unchanged(world: World, tmp_path: Path) -> None:
    score(world, tmp_path)
    before = snapshot(tmp_path)
    assert score(world, tmp_path)[1] is Outcome.UNCHANGED
    assert snapshot(tmp_path) == before


def test_another_release_is_left_alone(world: World, tmp_path: Path) -> None:
    score(world, tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(ReleaseError, match="cannot be published"):
        score(world.part(0, 30), tmp_path)
    with pytest.raises(InputError, match="holds the release tiny-"):
        check_folder(tmp_path, name="other")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("name", ["notes.txt", ".git", "tallies-old"])
def test_a_folder_in_use_is_refused_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=f"holds {name}, expected a new or empty folder"):
        check_folder(tmp_path, name="tiny")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"):
        check_folder(tmp_path / "file", name="tiny")


@pytest.mark.parametrize("fail_at", [0, 5, 11])
def test_killed_and_repeated(
    world: World, local_release: tuple[Path, Manifest], tmp_path: Path, fail_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, keys = LocalStore.create, []

    def create(self: LocalStore, key: str, content: bytes | Path) -> object:
        if len(keys) == fail_at:
            raise Killed
        keys.append(key)
        return original(self, key, content)

    monkeypatch.setattr(LocalStore, "create", create)
    with pytest.raises(Killed):
        score(world, tmp_path)
    monkeypatch.setattr(LocalStore, "create", original)
    assert not (tmp_path / MANIFEST).exists()
    (tmp_path / HIDDEN / "dead").mkdir(parents=True)
    os.utime(tmp_path / HIDDEN / "dead", (0, 0))
    assert score(world, tmp_path)[1] is Outcome.PUBLISHED
    assert snapshot(tmp_path) == snapshot(local_release[0])
    assert not (tmp_path / HIDDEN).exists()


RACER = """
from pathlib import Path
from mempipe.errors import MempipeError
from tests.release.test_folder import score
from tests.release.world import make_world

def act(out, n_trials):
    try:
        return score(make_world().part(0, int(n_trials)), Path(out))[0].id
    except MempipeError as error:
        return f"{type(error).__name__}: {error}".replace("\\n", " ")
"""


def test_two_at_once(world: World, local_release: tuple[Path, Manifest], tmp_path: Path) -> None:
    """Of equal inputs both succeed; of different inputs one is refused, and the other's release is whole."""
    with racers(RACER, 2) as two:
        for round_ in range(4):
            out = tmp_path / f"equal{round_}"
            assert two.go(f"{out} 40", f"{out} 40") == [local_release[1].id] * 2
            assert snapshot(out) == snapshot(local_release[0])
            out = tmp_path / f"different{round_}"
            answers = two.go(f"{out} 40", f"{out} 30")
            (accepted,) = [answer for answer in answers if not answer.startswith("ReleaseError: Release cannot be pub")]
            release = load_release(out)
            release.verify()
            assert release.manifest.id == accepted


def test_unfinished_attempt_of_other_content_is_refused(world: World, tmp_path: Path) -> None:
    write_release(world.part(0, 30).content(), tmp_path)
    (tmp_path / MANIFEST).unlink()
    before = snapshot(tmp_path)
    with pytest.raises(ReleaseError, match="has other content"):
        score(world, tmp_path)
    assert snapshot(tmp_path) == before


def test_failure_leaves_no_new_folder(tmp_path: Path) -> None:
    def fail() -> None:
        with staging_folder(tmp_path / "out") as staging:
            (staging / "file").touch()
            raise Killed

    with pytest.raises(Killed):
        fail()
    assert not (tmp_path / "out").exists()
