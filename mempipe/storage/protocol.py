"""What every store can do: create-only commits, generation-checked changes, nothing partial ever visible."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from mempipe.errors import StoreError

_KEY = re.compile(r"[A-Za-z0-9._=-]+(/[A-Za-z0-9._=-]+)*")


class Commit(StrEnum):
    """Outcome of a create-only commit."""

    CREATED = "created"
    ALREADY_THERE = "already there, equal"


@dataclass(frozen=True)
class ObjectInfo:
    """One object as a listing shows it.

    Attributes:
        key: name below the store's URI, with `/` between its parts.
        size: bytes.
        generation: opaque token of this content; it changes when the object does.
    """

    key: str
    size: int
    generation: str


@runtime_checkable
class Store(Protocol):
    """A place for objects: a folder, memory or a bucket, below one URI.

    Keys are relative, of letters, digits and `._=-`, with `/` between parts.
    Errors: `StoreError` (permanent), `StoreUnavailableError` (retry), both naming the object's URI.
    """

    uri: str

    def read(self, key: str) -> bytes:
        """Return the object's bytes; `ObjectNotFoundError` where there is none."""
        ...

    def read_versioned(self, key: str) -> tuple[bytes, str]:
        """Return the object's bytes and their generation, read together."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Write the object to a local file without holding it in memory; `path` is only there when complete."""
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


def checked_key(key: str) -> str:
    """Return `key` if it is a legal object name, else raise `StoreError`."""
    if not _KEY.fullmatch(key) or any(part in {".", ".."} for part in key.split("/")):
        raise StoreError(
            f"Object name is not allowed: {key!r}, expected relative parts of letters, digits and '._=-'.",
            hint="use only these characters in names of runs, releases and specs.",
        )
    return key
