"""Local files: errors of the operating system, reading, and files that appear only when they are complete."""

import errno
import hashlib
import io
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from mempipe.errors import InputError, MempipeError, StoreError, StoreUnavailableError
from mempipe.storage.protocol import HIDDEN

NO_OBJECT: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
"""What opening a file raises where no object of its name is."""

_RIGHTS: Final = "give this user the right to it, or choose another location."
_SPACE: Final = "free space on that file system, or choose a location on another one."
_FOLDER: Final = "move that file or folder away, or choose another location."
_NAME: Final = "choose a shorter name or location."
_LINKS: Final = "the location must lie on one file system with hard links (not FAT, not a mounted bucket)."
_AGAIN: Final = "run the same command again; if it stays so, look after the disk or the network file system."

# errno: (problem, next action). Any other error is permanent and reported in the system's own words.
_PERMANENT: Final = {
    errno.EACCES: ("not permitted to this user", _RIGHTS),
    errno.EPERM: ("not permitted to this user, or not possible on this file system", f"{_RIGHTS} {_LINKS}"),
    errno.EROFS: ("on a read-only file system", _RIGHTS),
    errno.ENOSPC: ("on a file system without space", _SPACE),
    errno.EDQUOT: ("beyond this user's quota", _SPACE),
    errno.EFBIG: ("larger than the file system allows", _SPACE),
    errno.ENOTDIR: ("below a file, expected a folder there", _FOLDER),
    errno.EISDIR: ("a folder, expected a file", _FOLDER),
    errno.EEXIST: ("below a file, expected a folder there", _FOLDER),
    errno.ENOENT: ("missing and cannot be made", _FOLDER),
    errno.ENAMETOOLONG: ("longer than the file system allows", _NAME),
    errno.EXDEV: ("on another file system than its store", _LINKS),
    errno.EOPNOTSUPP: ("on a file system that cannot do this", _LINKS),
    errno.ENOSYS: ("on a file system that cannot do this", _LINKS),
}
_PASSING: Final = frozenset(
    {
        errno.EAGAIN,
        errno.EBUSY,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
    }
)


@contextmanager
def store_errors(doing: str, location: Path) -> Iterator[None]:
    """Turn an `OSError` of the body into `StoreError` or `StoreUnavailableError`.

    Args:
        doing: what would have failed: "Object cannot be written".
        location: the object's file, for the message.
    """
    try:
        yield
    except OSError as error:
        raise _explained(error, doing, location, StoreError) from error


@contextmanager
def input_errors(doing: str, location: Path) -> Iterator[None]:
    """Turn an `OSError` of the body into `InputError`: a file that the caller named cannot be used."""
    try:
        yield
    except OSError as error:
        raise _explained(error, doing, location, InputError) from error


def _explained(error: OSError, doing: str, location: Path, permanent: type[MempipeError]) -> MempipeError:
    reason = error.strerror or str(error)
    if error.filename and os.fspath(error.filename) != str(location):
        reason = f"{reason}: {error.filename}"
    if error.errno in _PASSING:
        return StoreUnavailableError(f"{doing}: {location} does not answer as it should ({reason}).", hint=_AGAIN)
    got, hint = _PERMANENT.get(error.errno or 0, ("not usable", _RIGHTS))
    return permanent(f"{doing}: {location} is {got} ({reason}).", hint=hint)


CHUNK: Final = 1 << 20


@contextmanager
def open_source(content: bytes | Path) -> Iterator[BinaryIO]:
    """Open the content at its beginning.

    Raises:
        InputError: the local file cannot be read.
    """
    if isinstance(content, bytes):
        yield io.BytesIO(content)
        return
    # Stores raise errors of their own: an OSError that arrives here is about the file.
    with input_errors("File cannot be sent", content), content.open("rb") as file:
        yield file


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of the file, `CHUNK` bytes at a time."""
    while chunk := file.read(CHUNK):
        yield chunk


def sha256_of(file: BinaryIO) -> str:
    """Return the SHA-256 of the rest of the file, in hexadecimal."""
    digest = hashlib.sha256()
    for chunk in chunks(file):
        digest.update(chunk)
    return digest.hexdigest()


def equal_content(one: BinaryIO, other: BinaryIO) -> bool:
    """Return whether the rest of both files is the same."""
    while True:
        ours, theirs = one.read(CHUNK), other.read(CHUNK)
        if ours != theirs:
            return False
        if not ours:
            return True


T = TypeVar("T")

# A running writer keeps touching its files; a killed one does not.
_STALE_SECONDS: Final = 24 * 3600
# Another writer removes the empty folders between our making them and our using them.
_ATTEMPTS: Final = 100
# Some network and FUSE file systems answer so.
_CANNOT_SYNC_FOLDERS: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


@contextmanager
def scratch_file(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open a new temporary file in the hidden folder of `folder`; it is removed afterwards, as is the empty folder.

    To keep the content, link or rename the file while it is open here.
    """
    path, file = make_hidden(folder, lambda path: (path, path.open("x+b")))
    try:
        with file:
            yield path, file
    finally:
        with suppress(OSError):
            path.unlink()
        with suppress(OSError):
            path.parent.rmdir()


def make_hidden(folder: Path, make: Callable[[Path], T]) -> T:
    """Return the result of `make` for a new name in the hidden folder of `folder`, which is cleaned first."""
    _sweep(folder / HIDDEN)
    path = folder / HIDDEN / f"{os.getpid()}-{uuid.uuid4().hex}"
    for _ in range(_ATTEMPTS):
        make_folders(folder)
        with suppress(FileExistsError):
            path.parent.mkdir()
        with suppress(FileNotFoundError):
            return make(path)
    return make(path)


def _sweep(hidden: Path) -> None:
    """Remove the files of killed writers after a day; never files that may be in use."""
    limit = time.time() - _STALE_SECONDS
    # Another process may clean up too, and a store that cannot be cleaned can still be used.
    with suppress(OSError):
        for path in hidden.iterdir():
            with suppress(OSError):
                if max(part.lstat().st_mtime for part in (path, *path.rglob("*"))) < limit:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def complete_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that becomes `path` when the body ends, and leaves nothing there when the body fails.

    Missing folders are made; a file at `path` is replaced.

    Raises:
        InputError: the file cannot be written there.
    """
    with input_errors("File cannot be written", path), scratch_file(path.parent) as (temporary, file):
        yield file
        flush_to_disk(file)
        temporary.replace(path)


def flush_to_disk(file: BinaryIO) -> None:
    """Return only when the file's content would survive a loss of power."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Return only when the names in `folder` would survive a loss of power."""
    if os.name == "nt":  # Windows cannot open a folder; it keeps names by itself.
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC_FOLDERS:
            raise
    finally:
        os.close(descriptor)


def make_folders(folder: Path) -> None:
    """Make `folder` and those above it where they are missing, so that they survive a loss of power."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folders(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError:  # a file, or another process made the folder
        if not folder.is_dir():
            raise
    sync_folder(folder.parent)
