"""A folder as a store, when writers are killed and the operating system refuses."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from mempipe.errors import ObjectExistsError, StoreError
from mempipe.storage import Commit, open_store
from mempipe.storage.local import LocalStore
from mempipe.storage.protocol import HIDDEN


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def files(folder: Path) -> list[str]:
    """Everything below the folder, hidden or not."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# What is killed at the worst moment.


def test_a_failure_between_data_and_commit_leaves_nothing(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(KeyboardInterrupt):
        store.create("a/b", b"1")
    with pytest.raises(KeyboardInterrupt):
        store.replace("a/b", b"1", generation=None)
    monkeypatch.undo()
    assert files(store.folder) == ["a"]
    assert not store.exists("a/b")
    assert store.create("a/b", b"2") is Commit.CREATED


KILLED = """
import os, sys
from mempipe.storage import open_store
def wait(*_, **__):
    print("written", flush=True)
    sys.stdin.read()
os.link = os.replace = wait
store = open_store(sys.argv[1])
if sys.argv[2] == "create":
    store.create("a", b"killed")
else:
    store.replace("a", b"killed", generation=store.read_versioned("a")[1])
"""


@pytest.mark.parametrize("action", ["create", "replace"])
def test_a_writer_killed_between_data_and_commit(store: LocalStore, action: str) -> None:
    if action == "replace":
        store.create("a", b"before")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, store.uri, action], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.kill()
    (temporary,) = (store.folder / HIDDEN).iterdir()
    assert temporary.read_bytes() == b"killed"
    if action == "create":
        assert list(store.list()) == []
        assert store.create("a", b"after") is Commit.CREATED
    else:
        content, generation = store.read_versioned("a")
        assert content == b"before"
        store.replace("a", b"after", generation=generation)  # the lock died with its holder
    assert [info.key for info in open_store(store.uri).list()] == ["a"]
    assert temporary.exists(), "it could be a living writer's"
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(temporary, (two_days_ago, two_days_ago))
    store.create("b", b"1")
    assert files(store.folder) == ["a", "b"]


WRITES = """
import hashlib, itertools, os, sys
from mempipe.storage import open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
for _ in itertools.count():
    content = os.urandom(300_000)
    store.create("all/" + hashlib.sha256(content).hexdigest(), content)
"""


def test_whatever_is_visible_after_a_kill_is_whole(store: LocalStore) -> None:
    for milliseconds in (20, 35, 50):
        with subprocess.Popen([sys.executable, "-c", WRITES, store.uri], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(milliseconds / 1000)
            process.kill()
    objects = list(store.list())
    assert objects
    assert all(info.key == f"all/{info.generation}" and info.size == 300_000 for info in objects)


def test_a_writer_whose_hidden_folder_another_takes_away(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last writer to finish removes the empty folder, perhaps before the next one has put its file there."""
    real_open = Path.open
    paths: list[Path] = []

    def open_late(path: Path, mode: str = "r") -> IO[Any]:
        if path.parent.name == HIDDEN and len(paths) < 3:
            path.parent.rmdir()
            paths.append(path)
        return real_open(path, mode)

    monkeypatch.setattr(Path, "open", open_late)
    assert store.create("a", b"1") is Commit.CREATED
    assert len(paths) == 3
    assert files(store.folder) == ["a"]


# What the operating system refuses. Tests may run as root, so rights alone stop nothing.


@pytest.mark.parametrize("place", ["file", "file/store", "/proc/mempipe", "/dev/null", "/dev/null/store"])
def test_a_store_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"content")
    store = open_store(str(tmp_path / place))
    writes: list[Callable[[], object]] = [
        lambda: store.create("a/b", b"1"),
        lambda: store.replace("a/b", b"1", generation=None),
    ]
    for write in writes:
        with pytest.raises(StoreError, match=r"^Object cannot be written: .*/a/b is (below a file|missing)") as caught:
            write()
        assert caught.value.hint
        assert not isinstance(caught.value, ObjectExistsError)
    assert files(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"1")
    store = open_store(str(tmp_path / "store"))
    actions: list[Callable[[], object]] = [
        lambda: store.read("a"),
        lambda: store.exists("a"),
        lambda: list(store.list()),
    ]
    for action in actions:
        with pytest.raises(StoreError, match="store is a file, expected a folder"):
            action()


def test_a_disk_that_takes_no_more(store: LocalStore) -> None:
    """A real refusal by the kernel in the middle of a write: the limit on the size of files."""
    store.create("a", b"1")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(StoreError, match="larger than the file system allows") as caught:
            store.create("b", bytes(1_000_000))
        assert "free space" in caught.value.hint
        with pytest.raises(StoreError, match="larger than the file system allows"):
            store.replace("a", bytes(1_000_000), generation=store.read_versioned("a")[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files(store.folder) == ["a"]
    assert store.read("a") == b"1"


def test_a_name_longer_than_the_file_system_allows(store: LocalStore) -> None:
    with pytest.raises(StoreError, match="longer than the file system allows"):
        store.create("a" * 300, b"1")
    with pytest.raises(StoreError, match="longer than the file system allows"):
        store.read("a" * 300)
    assert list(store.list()) == []
