"""A folder as a store: the contract, and what the file system adds to it."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import pytest

from mempipe.errors import GenerationError, ObjectNotFoundError, StoreError
from mempipe.storage import Store, open_store
from mempipe.storage.files import sha256_of
from mempipe.storage.listing import _state
from mempipe.storage.local import LocalStore
from tests.storage.contract import StoreContract
from tests.storage.threads import run_together


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return open_store(str(tmp_path / "store"))


class TestLocalStoreBelowRoot(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return open_store(str(tmp_path / "store")).child("deep/below")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def files(folder: Path) -> list[str]:
    """Everything below the folder, hidden or not."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_the_folder_holds_the_objects_and_nothing_else(store: LocalStore) -> None:
    store.create("runs/a/shard.npz", b"1")
    generation = store.replace("latest.json", b"1", generation=None)
    generation = store.replace("latest.json", b"2", generation=generation)
    store.create("gone", b"3")
    store.delete("gone", generation=hashlib.sha256(b"3").hexdigest())
    assert files(store.folder) == ["latest.json", "runs", "runs/a", "runs/a/shard.npz"]
    assert generation == hashlib.sha256(b"2").hexdigest()


def test_files_have_the_users_rights(store: LocalStore) -> None:
    """Not those of a temporary file, which only its owner may read."""
    before = os.umask(0o027)
    try:
        store.create("a", b"1")
        store.replace("b", b"1", generation=None)
    finally:
        os.umask(before)
    assert [(store.folder / name).stat().st_mode & 0o777 for name in "ab"] == [0o640, 0o640]


def test_other_peoples_files_are_listed_and_read(store: LocalStore, tmp_path: Path) -> None:
    folder = tmp_path / "store" / "Größe 1"
    folder.mkdir(parents=True)
    (folder / "a b.png").write_bytes(b"1")
    (folder / ".hidden").write_bytes(b"2")
    (tmp_path / "elsewhere").write_bytes(b"3")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    (folder / "circle").symlink_to(folder)
    keys = [info.key for info in store.list()]
    assert keys == ["Größe 1/.hidden", "Größe 1/a b.png", "Größe 1/link"]
    assert [store.read(key) for key in keys] == [b"2", b"1", b"3"]


def test_a_folder_is_no_object(store: LocalStore) -> None:
    store.create("a/b", b"1")
    assert not store.exists("a")
    with pytest.raises(ObjectNotFoundError):
        store.read("a")
    with pytest.raises(ObjectNotFoundError):
        store.read("a/b/c")
    with pytest.raises(ObjectNotFoundError):
        store.delete("a", generation="x")
    with pytest.raises(StoreError, match="a folder, expected a file"):
        store.create("a", b"1")
    with pytest.raises(StoreError, match="below a file, expected a folder there"):
        store.create("a/b/c", b"1")
    assert files(store.folder) == ["a", "a/b"]


def test_a_change_that_the_clock_misses(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file changed twice in one tick of the clock looks the same: what is fresh is read, not remembered."""
    store.create("a", b"1")
    path = store.folder / "a"
    same = _state(path.stat())
    monkeypatch.setattr("mempipe.storage.listing._state", lambda status: same)
    first = next(store.list())
    path.write_bytes(b"2")
    second = next(store.list())
    expected = tuple(hashlib.sha256(content).hexdigest() for content in (b"1", b"2"))
    assert (first.generation, second.generation) == expected


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as one that has not changed for long."""
    monkeypatch.setattr("mempipe.storage.listing._SETTLED_NS", -1)


@pytest.mark.usefixtures("settled")
class TestSettledListing:
    def test_files_are_read_once_and_only_for_their_generation(
        self, store: LocalStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.create("a/b", b"1")
        read: list[str] = []
        monkeypatch.setattr("mempipe.storage.listing.sha256_of", lambda file: read.append(file.name) or "digest")
        assert [(info.key, info.size) for info in store.list()] == [("a/b", 1)]
        assert read == []
        for place in (store, store, store.child("a")):
            assert [info.generation for info in place.list()] == ["digest"]
        assert read == [str(store.folder / "a" / "b")]

    def test_a_listing_tells_the_generation_of_what_was_listed(self, store: LocalStore) -> None:
        StoreContract().test_a_listing_tells_the_generation_of_what_was_listed(store)

    @pytest.mark.parametrize("mode", ["r+b", "ab"])
    def test_a_file_that_others_write_in_place(self, store: LocalStore, mode: str) -> None:
        store.create("a", b"1")
        (info,) = store.list()
        time.sleep(0.05)  # some ticks of the file system's clock
        with (store.folder / "a").open(mode) as file:
            file.write(b"2")
        with pytest.raises(GenerationError):
            store.delete("a", generation=info.generation)

    def test_a_file_that_changes_while_it_is_read(self, store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
        store.create("a", b"1")
        (info,) = store.list()

        def slow(file: BinaryIO) -> str:
            digest = sha256_of(file)
            (store.folder / "a").write_bytes(b"12")
            return digest

        monkeypatch.setattr("mempipe.storage.listing.sha256_of", slow)
        with pytest.raises(GenerationError):
            store.delete("a", generation=info.generation)
        assert store.read("a") == b"12"


# Several processes, each of which opened the store in its own way.

RACE = """
import sys
from mempipe.storage import open_store
from mempipe.errors import GenerationError, ObjectExistsError
uri, key, number = sys.argv[1:]
store = open_store(uri)
print("ready", flush=True)
sys.stdin.readline()
try:
    outcome = str(store.create(key + "first", number.encode()))
except ObjectExistsError:
    outcome = "refused"
for _ in range(20):
    while True:
        content, generation = store.read_versioned(key + "count")
        try:
            store.replace(key + "count", str(int(content) + 1).encode(), generation=generation)
            break
        except GenerationError:
            pass
print(outcome, flush=True)
"""


def test_racing_processes(store: LocalStore) -> None:
    store.create("runs/a/count", b"0")
    places = [(store.uri, "runs/a/"), (f"{store.uri}/runs", "a/"), (f"file://{store.uri}/runs/a", "")] * 2
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, uri, key, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, (uri, key) in enumerate(places)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outcomes = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * 6
    assert sorted(outcomes) == ["created"] + ["refused"] * 5
    assert store.read("runs/a/first") == str(outcomes.index("created")).encode()
    assert store.read("runs/a/count") == b"120"
    assert files(store.folder) == ["runs", "runs/a", "runs/a/count", "runs/a/first"]


def test_racing_deletes(store: LocalStore) -> None:
    store.create("a", b"1")
    generation = store.read_versioned("a")[1]
    outcomes = run_together([lambda: store.delete("a", generation=generation)] * 8)
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, ObjectNotFoundError) for outcome in outcomes) == 7


def test_a_change_waits_for_the_lock_and_then_looks_again(store: LocalStore) -> None:
    """While one change holds the object, another waits; afterwards it finds the new content and is refused."""
    store.create("a", b"1")
    generation = store.read_versioned("a")[1]
    outcomes: list[object] = []
    with store._locked(store.folder / "a"):

        def swap() -> None:
            try:
                outcomes.append(store.replace("a", b"2", generation=generation))
            except GenerationError as error:
                outcomes.append(error)

        thread = threading.Thread(target=swap)
        thread.start()
        thread.join(timeout=0.1)
        assert thread.is_alive()
        other = store.folder / "other"
        other.write_bytes(b"3")
        other.replace(store.folder / "a")
    thread.join()
    assert isinstance(outcomes[0], GenerationError)
    assert store.read("a") == b"3"
