"""What every store must do; each implementation's tests inherit this class."""

import hashlib
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mempipe.errors import GenerationError, InputError, ObjectExistsError, ObjectNotFoundError, StoreError
from mempipe.storage import Commit, ObjectInfo, Store, open_store, split_object_uri
from tests.storage.threads import run_together

# One byte, and sizes about the borders of what a store sends in one piece.
SIZES = [0, 1, (1 << 20) - 1, 1 << 20, 10_000_000]
BAD_KEYS = ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\nb", "a/.mempipe/b", "x" * 1100]
UNWRITABLE_KEYS = [*BAD_KEYS, "a b", "ü", "a\\b", "a?b", "a#b", "a:b", "a*b"]


class StoreContract:
    """Inherit it and define the fixture `store`: a new, empty place."""

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    def test_is_a_store(self, store: Store) -> None:
        assert isinstance(store, Store)

    def test_an_empty_store_has_nothing(self, store: Store) -> None:
        assert list(store.list()) == []
        assert list(store.list("runs/")) == []
        assert not store.exists("a")
        with pytest.raises(ObjectNotFoundError, match="a is missing"):
            store.read("a")
        with pytest.raises(ObjectNotFoundError):
            store.read_versioned("a")
        with pytest.raises(ObjectNotFoundError):
            store.delete("a", generation="1")

    @pytest.mark.parametrize("size", SIZES)
    def test_bytes_come_back(self, store: Store, size: int) -> None:
        content = os.urandom(size)
        assert store.create("some/where.npz", content) is Commit.CREATED
        assert store.read("some/where.npz") == content
        (info,) = store.list()
        assert info == ObjectInfo("some/where.npz", size, store.read_versioned("some/where.npz")[1])

    @pytest.mark.parametrize("size", SIZES)
    def test_files_come_back(self, store: Store, size: int, tmp_path: Path) -> None:
        sent, received = tmp_path / "sent", tmp_path / "new" / "folders" / "received"
        sent.write_bytes(os.urandom(size))
        assert store.create("a.npz", sent) is Commit.CREATED
        store.download("a.npz", received)
        assert received.read_bytes() == sent.read_bytes()
        assert [path.name for path in received.parent.iterdir()] == ["received"]
        assert store.create("a.npz", sent) is Commit.ALREADY_THERE

    def test_download_replaces_a_file_and_only_when_complete(self, store: Store, tmp_path: Path) -> None:
        target = tmp_path / "local" / "target"
        target.parent.mkdir()
        target.write_bytes(b"old")
        with pytest.raises(ObjectNotFoundError):
            store.download("a", target)
        assert target.read_bytes() == b"old"
        store.create("a", b"new")
        store.download("a", target)
        assert target.read_bytes() == b"new"
        assert list(target.parent.iterdir()) == [target]

    def test_download_to_a_place_that_cannot_be(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"x")
        store.create("a", b"new")
        with pytest.raises(InputError, match="expected a folder"):
            store.download("a", tmp_path / "file" / "b")

    @pytest.mark.parametrize("size", [0, 3, 9_000_000])
    def test_create_again_with_equal_bytes_is_success(self, store: Store, size: int) -> None:
        content = os.urandom(size)
        store.create("a", content)
        _, generation = store.read_versioned("a")
        assert store.create("a", bytes(bytearray(content))) is Commit.ALREADY_THERE
        assert store.read_versioned("a") == (content, generation)

    @pytest.mark.parametrize(
        ("first", "second"),
        [(b"abc", b"abd"), (b"abc", b"ab"), (b"abc", b"abcd"), (b"", b"a"), (b"a", b"")],
        ids=["same size", "shorter", "longer", "first empty", "second empty"],
    )
    def test_create_with_other_bytes_is_refused(
        self, store: Store, first: bytes, second: bytes, tmp_path: Path
    ) -> None:
        store.create("a/b", first)
        before = store.read_versioned("a/b")
        file = tmp_path / "file"
        file.write_bytes(second)
        for content in (second, file):
            with pytest.raises(ObjectExistsError, match="a/b is there with other content"):
                store.create("a/b", content)
        assert store.read_versioned("a/b") == before

    def test_create_from_a_file_that_is_missing(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="File cannot be sent"):
            store.create("a", tmp_path / "missing")
        with pytest.raises(InputError, match="a folder, expected a file"):
            store.create("a", tmp_path)
        assert not store.exists("a")

    def test_replace_needs_the_generation_that_was_read(self, store: Store) -> None:
        first = store.replace("latest.json", b"1", generation=None)
        assert store.read_versioned("latest.json") == (b"1", first)
        with pytest.raises(GenerationError, match=r"latest\.json generation is"):
            store.replace("latest.json", b"other", generation=None)
        second = store.replace("latest.json", b"2", generation=first)
        assert second != first
        with pytest.raises(GenerationError):
            store.replace("latest.json", b"other", generation=first)
        assert store.read_versioned("latest.json") == (b"2", second)
        (info,) = store.list()
        assert info.generation == second

    def test_replace_of_what_is_gone(self, store: Store) -> None:
        generation = store.replace("a", b"1", generation=None)
        store.delete("a", generation=generation)
        with pytest.raises(GenerationError):
            store.replace("a", b"2", generation=generation)
        assert not store.exists("a")
        store.replace("a", b"2", generation=None)
        assert store.read("a") == b"2"

    @pytest.mark.parametrize("generation", ["", "0", "-1", "nonsense", "12345678901234"])
    def test_a_generation_that_never_was(self, store: Store, generation: str) -> None:
        store.create("a", b"1")
        with pytest.raises(GenerationError):
            store.replace("a", b"2", generation=generation)
        with pytest.raises(GenerationError):
            store.delete("a", generation=generation)
        assert store.read("a") == b"1"

    def test_delete_needs_the_generation_that_was_read(self, store: Store) -> None:
        first = store.replace("a", b"1", generation=None)
        second = store.replace("a", b"2", generation=first)
        with pytest.raises(GenerationError, match="a generation is"):
            store.delete("a", generation=first)
        assert store.read("a") == b"2"
        store.delete("a", generation=second)
        assert not store.exists("a")
        assert list(store.list()) == []
        with pytest.raises(ObjectNotFoundError):
            store.delete("a", generation=second)
        assert store.create("a", b"3") is Commit.CREATED

    def test_a_listing_tells_the_generation_of_what_was_listed(self, store: Store) -> None:
        """Of what was listed, even where the object changes before its generation is read."""
        for key in ("same", "swapped", "gone", "new"):
            store.create(key, b"1")
        gone, new, same, swapped = store.list()
        store.replace("swapped", b"2", generation=store.read_versioned("swapped")[1])
        for key in ("gone", "new"):
            store.delete(key, generation=store.read_versioned(key)[1])
        store.create("new", b"22")
        for info, content in ((swapped, b"2"), (new, b"22")):
            with pytest.raises(GenerationError):
                store.delete(info.key, generation=info.generation)
            with pytest.raises(GenerationError):
                store.replace(info.key, b"3", generation=info.generation)
            assert store.read(info.key) == content
        with pytest.raises(ObjectNotFoundError):
            store.delete("gone", generation=gone.generation)
        assert same == ObjectInfo("same", 1, store.read_versioned("same")[1])
        store.delete("same", generation=same.generation)
        assert not store.exists("same")

    def test_list_sorts_by_name_and_selects_by_prefix(self, store: Store) -> None:
        # "-" and "." sort before "/", digits and letters after it: a walk by folders alone would get it wrong.
        keys = [
            "b",
            "a/b/c.npz",
            "a/b",
            "a-b/c",
            "a.b",
            "a0",
            "ab/c",
            "shards/trials=00010.npz",
            "shards/trials=00002.npz",
        ]
        keys.remove("a/b")  # a folder cannot be an object as well
        for key in keys:
            store.create(key, key.encode())
        assert [info.key for info in store.list()] == sorted(keys)
        assert {info.key: info.size for info in store.list()} == {key: len(key) for key in keys}
        for prefix in ["", "a", "a/", "a/b", "a/b/", "shards/", "shards/trials=0001", "sh", "x", "x/y", "b", "b/"]:
            assert [info.key for info in store.list(prefix)] == sorted(k for k in keys if k.startswith(prefix)), prefix

    @pytest.mark.parametrize("prefix", ["/", "../", "a/../", "a//", "../a", "a/.mempipe/", "\n"])
    def test_list_refuses_prefixes_of_no_object(self, store: Store, prefix: str) -> None:
        with pytest.raises(StoreError, match="Object name is not allowed"):
            list(store.list(prefix))

    def test_child_is_the_same_place(self, store: Store) -> None:
        child = store.child("runs/digits-1")
        assert child.uri == f"{store.uri}/runs/digits-1"
        child.create("a/b", b"1")
        store.create("runs/digits-10/a", b"not the child's")
        assert store.read("runs/digits-1/a/b") == b"1"
        assert [info.key for info in child.list()] == ["a/b"]
        assert child.child("a").read("b") == b"1"
        assert open_store(child.uri).read_versioned("a/b") == store.read_versioned("runs/digits-1/a/b")
        again, key = split_object_uri(f"{child.uri}/a/b")
        assert (again.read(key), key) == (b"1", "b")

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_names_that_lead_nowhere(self, store: Store, key: str, tmp_path: Path) -> None:
        actions: list[Callable[[], object]] = [
            lambda: store.read(key),
            lambda: store.read_versioned(key),
            lambda: store.exists(key),
            lambda: store.download(key, tmp_path / "target"),
        ]
        for action in actions:
            with pytest.raises(StoreError, match="Object name is not allowed"):
                action()
        assert not (tmp_path / "target").exists()

    @pytest.mark.parametrize("key", UNWRITABLE_KEYS)
    def test_names_that_are_not_written(self, store: Store, key: str) -> None:
        actions: list[Callable[[], object]] = [
            lambda: store.create(key, b""),
            lambda: store.replace(key, b"", generation=None),
            lambda: store.delete(key, generation="1"),
            lambda: store.child(key),
        ]
        for action in actions:
            with pytest.raises(StoreError, match="Object name is not allowed") as caught:
                action()
            assert not isinstance(caught.value, ObjectNotFoundError)
        assert list(store.list()) == []

    def test_racing_writers_of_different_bytes(self, store: Store) -> None:
        contents = [f"writer {position}".encode() * 1000 for position in range(8)]
        outcomes = run_together([partial(store.create, "a", content) for content in contents])
        assert outcomes.count(Commit.CREATED) == 1
        assert sum(isinstance(outcome, ObjectExistsError) for outcome in outcomes) == 7
        assert store.read("a") == contents[outcomes.index(Commit.CREATED)]

    def test_racing_writers_of_equal_bytes(self, store: Store) -> None:
        outcomes = run_together([lambda: store.create("a", b"same" * 1000)] * 8)
        assert outcomes.count(Commit.CREATED) == 1
        assert outcomes.count(Commit.ALREADY_THERE) == 7

    def test_racing_swaps_lose_no_update(self, store: Store) -> None:
        def count_up() -> None:
            for _ in range(5):
                while True:
                    content, generation = store.read_versioned("count")
                    try:
                        store.replace("count", str(int(content) + 1).encode(), generation=generation)
                        break
                    except GenerationError:
                        continue

        store.create("count", b"0")
        assert run_together([count_up] * 4) == [None] * 4
        assert store.read("count") == b"20"

    def test_a_reader_sees_whole_objects_only(self, store: Store) -> None:
        """A reader beside a writer that swaps 1 MB objects of one repeated byte never sees two bytes mixed."""
        size = 1 << 20
        generation = store.replace("a", bytes(size), generation=None)
        stop = threading.Event()
        seen: list[tuple[int, bytes]] = []

        def look() -> None:
            while not stop.is_set():
                content = store.read("a")
                seen.append((len(content), content[:1] if content == content[:1] * size else b"mixed"))

        reader = threading.Thread(target=look)
        reader.start()
        try:
            for value in range(1, 9):
                generation = store.replace("a", bytes([value]) * size, generation=generation)
        finally:
            stop.set()
            reader.join()
        assert seen
        assert all(length == size and value != b"mixed" for length, value in seen)
        assert hashlib.sha256(store.read("a")).digest() == hashlib.sha256(b"\x08" * size).digest()
