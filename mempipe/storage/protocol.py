"""The interface of every store, the names of its objects, and the stores that URIs name."""

import os
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol, cast, runtime_checkable

import mempipe.plugins as plugins
from mempipe.errors import StoreError

# A folder of this name, at any depth, holds the temporary files of local writers; it is no part of any store.
HIDDEN: Final = ".mempipe"

_WRITABLE = re.compile(r"[A-Za-z0-9._=-]+(/[A-Za-z0-9._=-]+)*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Google Cloud Storage's limit; local file systems have their own, usually 255 for each part.
_MAX_LENGTH: Final = 1024
_NO_PART: Final = frozenset({"", ".", "..", HIDDEN})


def checked_key(key: str) -> str:
    """Return `key` if mempipe may write an object of that name, else raise `StoreError`.

    The characters are those that need no quoting in a URL, a shell or a file system.
    """
    readable_key(key)
    if not _WRITABLE.fullmatch(key):
        raise StoreError(
            f"Object name is not allowed: {key!r}, expected relative parts of letters, digits and '._=-'.",
            hint="use only these characters in names of runs, releases and specs.",
        )
    return key


def readable_key(key: str) -> str:
    """Return `key` if it names an object below a store, whoever wrote it, else raise `StoreError`.

    Other people's data sets have blanks and accents in their names; a name must only not lead out of the store.
    """
    if _NO_PART.intersection(key.split("/")) or _CONTROL.search(key) or len(os.fsencode(key)) > _MAX_LENGTH:
        raise StoreError(
            f"Object name is not allowed: {key!r}, expected relative parts with '/' between them, "
            f"none of them '.', '..' or {HIDDEN!r}, {_MAX_LENGTH} bytes at most.",
            hint="name the object relative to the store's URI.",
        )
    return key


def checked_prefix(prefix: str) -> str:
    """Return `prefix` if names can start with it (`""`, `shards/`, `shards/trials=0`), else raise `StoreError`."""
    folder, slash, _ = prefix.rpartition("/")
    if slash:
        readable_key(folder)
    if _CONTROL.search(prefix):
        readable_key(prefix)
    return prefix


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
        """Write the object to a local file without holding it in memory; `path` exists only when it is complete.

        Missing folders above `path` are made; a file at `path` is replaced.
        """
        ...

    def exists(self, key: str) -> bool:
        """Return whether the object exists."""
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
            GenerationError: the object changed, appeared or vanished since it was read; it is not changed.
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


class StoreModule(Protocol):
    """What the module of a scheme provides."""

    @staticmethod
    def open_uri(uri: str) -> Store:
        """Open the store that a URI of this scheme means; makes nothing.

        Raises:
            StoreError: the URI names no place.
        """
        ...


_BUILTIN: Final = {
    "file": "mempipe.storage.local",
    "gs": "mempipe.storage.gcs",
    "memory": "mempipe.storage.memory",
}
_EXTRAS: Final = {"gs": "gcs"}
"""Which extra of this package a built-in store needs."""

STORES: Final = plugins.ExtensionPoint("store", "mempipe.stores", lambda: _BUILTIN, StoreModule, r"[a-z][a-z0-9+.-]*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(uri: str) -> Store:
    """Open a store; nothing is created, and as a rule no request is sent before it is used.

    Args:
        uri: path of a folder (absolute, relative, with `~`), `file:///path`, `gs://bucket/prefix`, `memory://name`, or
            a URI with the scheme of another package's store.

    Raises:
        StoreError: no store has this scheme, or the URI does not name a place.
        PluginError: the store of another package cannot be loaded.
    """
    match = _SCHEME.match(uri)
    scheme = match[1].lower() if match else "file"
    try:
        module = plugins.find(STORES, scheme) if uri.strip() else None
    except ModuleNotFoundError as error:
        if scheme not in _EXTRAS or (error.name or "").startswith("mempipe"):
            raise
        raise StoreError(
            f"Store cannot be opened: {uri} needs the module {error.name}, which is not installed.",
            hint=f"pip install 'mempipe[{_EXTRAS[scheme]}]'",
        ) from error
    if module is None:
        schemes = ", ".join(f"{name}://" for name in plugins.available(STORES))
        raise StoreError(
            f"Store URI is not supported: {uri!r} scheme is {scheme if uri.strip() else ''!r}, "
            f"expected a folder's path, {schemes}.",
            hint="correct the URI.",
        )
    return cast(Store, module.open_uri(f"{scheme}://{uri[match.end() :]}" if match else uri))


def split_object_uri(uri: str) -> tuple[Store, str]:
    """Open the store that holds one object, and return it with the object's key.

    Args:
        uri: of an object: `gs://bucket/specs/a.yaml`, `specs/a.yaml`.

    Raises:
        StoreError: the URI names no object, but a bucket or a folder.
    """
    match = _SCHEME.match(uri)
    place, slash, key = uri.rpartition("/")
    if not key or (match and len(place) < match.end()) or key in {".", ".."}:
        raise StoreError(
            f"URI names no object: {uri!r}, expected a place and a name, like gs://bucket/specs/a.yaml.",
            hint="add the object's name.",
        )
    if not match:
        return open_store(place or (slash or ".")), readable_key(key)
    return open_store(place), readable_key(key)
