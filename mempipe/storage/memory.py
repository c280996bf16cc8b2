"""Memory as a store: for tests and notebooks, shared by name within a process."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Final

from mempipe.errors import GenerationError, ObjectExistsError, ObjectNotFoundError, StoreError
from mempipe.storage.files import complete_file, open_source
from mempipe.storage.protocol import Commit, ObjectInfo, checked_key, checked_prefix, readable_key

_SCHEME: Final = "memory://"


@dataclass
class _Bucket:
    """The objects of one name: content and generation; generations are never used twice."""

    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    generations: Iterator[int] = field(default_factory=lambda: count(1))

    def put(self, name: str, content: bytes) -> str:
        generation = str(next(self.generations))
        self.objects[name] = (content, generation)
        return generation


_buckets: dict[str, _Bucket] = {}
_buckets_lock = Lock()


class MemoryStore:
    """`memory://name`: every store of that name in this process holds the same objects, from any thread.

    Args:
        name: of the shared memory.
        prefix: where the keys begin.

    Attributes:
        uri: `memory://name` or `memory://name/prefix`.
    """

    def __init__(self, name: str, prefix: str = "") -> None:
        self.uri = f"{_SCHEME}{name}/{prefix}".rstrip("/")
        self._name = name
        self._prefix = prefix
        with _buckets_lock:
            self._bucket = _buckets.setdefault(name, _Bucket())

    def read(self, key: str) -> bytes:
        """Return the object's bytes."""
        return self.read_versioned(key)[0]

    def read_versioned(self, key: str) -> tuple[bytes, str]:
        """Return the bytes and the number of their commit."""
        with self._bucket.lock:
            entry = self._bucket.objects.get(self._full(readable_key(key)))
        if entry is None:
            raise self._missing(key)
        return entry

    def download(self, key: str, path: Path) -> None:
        """Write the bytes to a file."""
        content = self.read(key)
        with complete_file(path) as file:
            file.write(content)

    def exists(self, key: str) -> bool:
        """Return whether the object exists."""
        with self._bucket.lock:
            return self._full(readable_key(key)) in self._bucket.objects

    def create(self, key: str, content: bytes | Path) -> Commit:
        """Store the bytes unless the object exists; a file is read into memory."""
        name = self._full(checked_key(key))
        with open_source(content) as source:
            data = source.read()
        with self._bucket.lock:
            entry = self._bucket.objects.get(name)
            if entry is None:
                self._bucket.put(name, data)
                return Commit.CREATED
        if entry[0] == data:
            return Commit.ALREADY_THERE
        raise ObjectExistsError(
            f"Object cannot be created: {self.uri}/{key} is there with other content, expected none or the same bytes.",
            hint="it was not changed; find out who wrote it, or choose another name.",
        )

    def replace(self, key: str, content: bytes, *, generation: str | None) -> str:
        """Swap the bytes if their commit has the number `generation`."""
        name = self._full(checked_key(key))
        with self._bucket.lock:
            entry = self._bucket.objects.get(name)
            self._check_generation(key, entry[1] if entry else None, generation)
            return self._bucket.put(name, bytes(content))

    def delete(self, key: str, *, generation: str) -> None:
        """Delete the object if its commit has the number `generation`."""
        name = self._full(checked_key(key))
        with self._bucket.lock:
            entry = self._bucket.objects.get(name)
            if entry is None:
                raise self._missing(key)
            self._check_generation(key, entry[1], generation)
            del self._bucket.objects[name]

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield a snapshot of the objects, taken at the first step of the iteration."""
        start = self._full(checked_prefix(prefix))
        with self._bucket.lock:
            entries = sorted(item for item in self._bucket.objects.items() if item[0].startswith(start))
        skipped = len(self._full(""))
        for name, (content, generation) in entries:
            yield ObjectInfo(name[skipped:], len(content), generation)

    def child(self, prefix: str) -> "MemoryStore":
        """Return the same memory with longer names."""
        return MemoryStore(self._name, self._full(checked_key(prefix)))

    def _full(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def _missing(self, key: str) -> ObjectNotFoundError:
        return ObjectNotFoundError(
            f"Object not found: {self.uri}/{key} is missing, expected an object.",
            hint="memory lasts as long as its process: write and read within one.",
        )

    def _check_generation(self, key: str, present: str | None, expected: str | None) -> None:
        if present != expected:
            raise GenerationError(
                f"Object changed since it was read: {self.uri}/{key} generation is {present}, expected {expected}.",
                hint="another process changed it; run the same command again, it reads the object again.",
            )


def open_uri(uri: str) -> MemoryStore:
    """Open `memory://name` or `memory://name/prefix`."""
    name, _, prefix = uri.removeprefix(_SCHEME).partition("/")
    if not name:
        raise StoreError(f"Store URI cannot be used: {uri} has no name, expected memory://name.", hint="add a name.")
    prefix = prefix.strip("/")
    return MemoryStore(name, readable_key(prefix) if prefix else "")
