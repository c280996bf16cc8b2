"""A folder as a store: commits by hard link, changes under a lock of the object itself.

Link and rename are atomic on a POSIX file system: a reader sees a whole object or none, whenever a writer is killed.
Temporary files lie in a hidden folder of the store, on the same file system; no other file is ever added.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote, urlsplit

from mempipe.errors import GenerationError, ObjectExistsError, ObjectNotFoundError, StoreError, StoreUnavailableError
from mempipe.storage.files import (
    NO_OBJECT,
    chunks,
    complete_file,
    equal_content,
    flush_to_disk,
    make_folders,
    open_source,
    scratch_file,
    sha256_of,
    store_errors,
    sync_folder,
)
from mempipe.storage.listing import Digests, walk
from mempipe.storage.protocol import Commit, ObjectInfo, checked_key, checked_prefix, readable_key

_WRITING: Final = "Object cannot be written"
_READING: Final = "Object cannot be read"
# An object that appears when we link and is gone when we compare, that often, is no race any more.
_ATTEMPTS: Final = 100


class LocalStore:
    """A folder; it is made at the first write. The generation of an object is its SHA-256.

    Args:
        folder: absolute or relative to the working directory; `~` is the user's home.
        root: where temporary files go (a child's are its parent's).

    Attributes:
        uri: the folder's absolute path, without `file://`.
        folder: the same.
    """

    def __init__(self, folder: Path, *, root: Path | None = None, digests: Digests | None = None) -> None:
        # Symbolic links stay, so that a URI means the same on another machine with the same mounts.
        self.folder = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 - absolute() would keep ".."
        self.uri = str(self.folder)
        self._root = root or self.folder
        self._digests = digests or Digests()

    def read(self, key: str) -> bytes:
        """Return the bytes of the file."""
        with self._open(key) as file:
            return file.read()

    def read_versioned(self, key: str) -> tuple[bytes, str]:
        """Return the bytes and their SHA-256."""
        content = self.read(key)
        return content, hashlib.sha256(content).hexdigest()

    def download(self, key: str, path: Path) -> None:
        """Copy the file."""
        with self._open(key) as file, complete_file(path) as target:
            for chunk in chunks(file):
                target.write(chunk)

    def exists(self, key: str) -> bool:
        """Return whether there is a file of that name."""
        self._check_folder()
        path = self._path(readable_key(key))
        with store_errors(_READING, path):
            return path.is_file()

    def create(self, key: str, content: bytes | Path) -> Commit:
        """Write a temporary file and link it to its name, which fails when the name is taken."""
        target = self._path(checked_key(key))
        with open_source(content) as source, store_errors(_WRITING, target):
            # Checking first saves a repeated step the write; the link below decides.
            if target.exists() and self._holds(target, source):
                sync_folder(target.parent)
                return Commit.ALREADY_THERE
            with self._temporary(source, target) as temporary:
                for _ in range(_ATTEMPTS):
                    outcome = Commit.CREATED if _link(temporary, target) else None
                    if outcome is None and self._holds(target, source):
                        outcome = Commit.ALREADY_THERE
                    if outcome is not None:
                        sync_folder(target.parent)
                        return outcome
        raise StoreUnavailableError(
            f"{_WRITING}: {target} appeared and vanished {_ATTEMPTS} times, expected one of both.",
            hint="find out who else writes there, then run the same command again.",
        )

    def replace(self, key: str, content: bytes, *, generation: str | None) -> str:
        """Rename a temporary file over the object while it is locked and its SHA-256 is `generation`."""
        target = self._path(checked_key(key))
        with open_source(content) as source, store_errors(_WRITING, target):
            if generation is None:
                with self._temporary(source, target) as temporary:
                    if not _link(temporary, target):
                        raise self._changed(target, "some object's", "none")
            else:
                try:
                    with self._locked(target) as present:
                        self._check_generation(target, present, generation)
                        with self._temporary(source, target) as temporary:
                            temporary.replace(target)
                except ObjectNotFoundError:
                    raise self._changed(target, "gone", generation) from None
            sync_folder(target.parent)
        return hashlib.sha256(content).hexdigest()

    def delete(self, key: str, *, generation: str) -> None:
        """Unlink the object while it is locked and its SHA-256 is `generation`."""
        target = self._path(checked_key(key))
        with store_errors("Object cannot be deleted", target), self._locked(target) as present:
            self._check_generation(target, present, generation)
            target.unlink()
            sync_folder(target.parent)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Walk the folder; a file is read when its generation is needed and not cached."""
        checked_prefix(prefix)
        self._check_folder()
        for key in walk(self.folder, prefix):
            path = self._path(key)
            with store_errors(_READING, path):
                try:
                    size, generation = self._digests.of(path)
                except NO_OBJECT:  # deleted since
                    continue
            yield ObjectInfo(key, size, generation)

    def child(self, prefix: str) -> "LocalStore":
        """Return the store of a folder below; temporary files stay where they are."""
        return LocalStore(self._path(checked_key(prefix)), root=self._root, digests=self._digests)

    def _path(self, key: str) -> Path:
        return self.folder / key

    def _check_folder(self) -> None:
        with store_errors("Store cannot be read", self.folder):
            if self.folder.exists() and not self.folder.is_dir():
                raise StoreError(
                    f"Store cannot be read: {self.uri} is a file, expected a folder.",
                    hint="name the folder that holds it.",
                )

    @contextmanager
    def _open(self, key: str) -> Iterator[BinaryIO]:
        path = self._path(readable_key(key))
        with store_errors(_READING, path):
            try:
                file = path.open("rb")
            except NO_OBJECT:
                self._check_folder()
                raise self._missing(path) from None
        with file:
            yield file

    def _missing(self, path: Path) -> ObjectNotFoundError:
        if self.folder.is_dir():
            hint = "check the name; the step that writes it may not have run."
        else:
            hint = f"the store's folder {self.uri} does not exist: check the URI."
        return ObjectNotFoundError(f"Object not found: {path} is missing, expected an object.", hint=hint)

    @contextmanager
    def _temporary(self, source: BinaryIO, target: Path) -> Iterator[Path]:
        """Write the source to a temporary file, durably, and make the folder that it goes to."""
        with scratch_file(self._root) as (temporary, file):
            source.seek(0)
            for chunk in chunks(source):
                file.write(chunk)
            flush_to_disk(file)
            make_folders(target.parent)
            yield temporary

    def _holds(self, target: Path, source: BinaryIO) -> bool:
        """Return whether the object exists with this content; False when it vanished."""
        source.seek(0)
        try:
            with target.open("rb") as existing:
                if equal_content(source, existing):
                    return True
        except FileNotFoundError:
            return False
        raise ObjectExistsError(
            f"Object cannot be created: {target} is there with other content, expected none or the same bytes.",
            hint="it was not changed; find out who wrote it, or choose another name.",
        )

    @contextmanager
    def _locked(self, target: Path) -> Iterator[str]:
        """Hold the object against every other change and yield its generation.

        The lock lies on the object's own inode, so it is the same however a process came to open the store. After
        waiting, we check that the name still refers to the locked file: a change gives the name to a new file.
        """
        import fcntl  # POSIX only; a store can be read without it

        while True:
            try:
                # Network file systems lock only what is open for writing.
                file = target.open("r+b" if os.access(target, os.W_OK) else "rb")
            except NO_OBJECT:
                raise self._missing(target) from None
            with file:
                fcntl.flock(file, fcntl.LOCK_EX)
                try:
                    current = os.path.samestat(target.stat(), os.fstat(file.fileno()))
                except FileNotFoundError:
                    current = False
                if current:
                    yield sha256_of(file)
                    return

    def _check_generation(self, target: Path, present: str, expected: str) -> None:
        if present != expected:
            raise self._changed(target, present, expected)

    def _changed(self, target: Path, got: str, expected: str) -> GenerationError:
        return GenerationError(
            f"Object changed since it was read: {target} generation is {got}, expected {expected}.",
            hint="another process changed it; run the same command again, it reads the object again.",
        )


def _link(temporary: Path, target: Path) -> bool:
    """Give the file its name; False when the name is taken."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        # Over NFS an answer can be lost, and the repeated request then fails because the first one succeeded.
        return target.exists() and target.samefile(temporary)
    return True


def open_uri(uri: str) -> LocalStore:
    """Open a folder named by a path or a `file://` URI."""
    if not uri.startswith("file://"):
        return LocalStore(Path(uri))
    parts = urlsplit(uri)
    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise StoreError(
            f"Store URI cannot be used: {uri} names the host {parts.netloc!r}, expected file:///absolute/path.",
            hint="write three slashes, or a plain path.",
        )
    return LocalStore(Path(unquote(parts.path)))
