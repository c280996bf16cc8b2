"""What every store can do: create-only commits, generation-checked changes, nothing partial ever visible."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable


class Commit(StrEnum):
    """Outcome of a create-only commit."""

    CREATED = "created"
    ALREADY_THERE = "already there, equal"


class ObjectInfo:
    """One object as a listing shows it.

    Args:
        key: name below the store's URI, with `/` between its parts.
        size: bytes.
        generation: opaque token of the content that was listed, or a function that computes it. The token of an object
            that changed since it was listed matches no object.
    """

    def __init__(self, key: str, size: int, generation: str | Callable[[], str]) -> None:
        self.key = key
        self.size = size
        self._generation = generation

    @cached_property
    def generation(self) -> str:
        """Token of the content; a local store reads the file when it is first needed."""
        return self._generation() if callable(self._generation) else self._generation

    def __eq__(self, other: object) -> bool:
        """Compare key, size and generation."""
        if not isinstance(other, ObjectInfo):
            return NotImplemented
        return (self.key, self.size) == (other.key, other.size) and self.generation == other.generation

    def __hash__(self) -> int:
        """Hash key and size."""
        return hash((self.key, self.size))


@runtime_checkable
class Store(Protocol):
    """A place for objects: a folder, memory or a bucket, below one URI.

    Keys are relative, with `/` between parts. Written are only letters, digits and `._=-` (`checked_key`); objects
    of other people are listed and read by whatever name they have.

    Errors of every method: `StoreError` (permanent; a name that is not allowed, permissions, a bucket that does not
    exist), `StoreUnavailableError` (run the step again); both name the object's URI. `InputError` where a local file
    to send or to write to is at fault.
    """

    uri: str

    def read(self, key: str) -> bytes:
        """Return the object's bytes; `ObjectNotFoundError` where there is none."""
        ...

    def read_versioned(self, key: str) -> tuple[bytes, str]:
        """Return the object's bytes and their generation, read together."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Write the object to a local file without holding it in memory; `path` is only there when complete.

        Missing folders above `path` are made; a file at `path` is replaced.
        """
        ...

    def exists(self, key: str) -> bool:
        """Tell whether the object is there."""
        ...

    def create(self, key: str, content: bytes | Path) -> Commit:
        """Commit an object that must not exist yet, from bytes or from a local file.

        Returns:
            `CREATED`, or `ALREADY_THERE` when the same bytes were committed before (a lost acknowledgement, a retry).

        Raises:
            ObjectExistsError: other bytes are there; they stay.
        """
        ...

    def replace(self, key: str, content: bytes, *, generation: str | None) -> str:
        """Compare and swap: write `content` if the object still has `generation` (None: must not exist).

        Returns:
            The new generation.

        Raises:
            GenerationError: the object changed, appeared or vanished since it was read; it stays as it is.
        """
        ...

    def delete(self, key: str, *, generation: str) -> None:
        """Delete the object if it still has `generation`.

        Raises:
            GenerationError: it changed since it was read.
            ObjectNotFoundError: it is gone.
        """
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the committed objects whose key starts with `prefix`, sorted by key; temporary files never show."""
        ...

    def child(self, prefix: str) -> "Store":
        """Return the same place one or more levels down: its keys are relative to `prefix`."""
        ...
