"""Local files that appear under their name only when they are complete."""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from mempipe.storage.keys import HIDDEN
from mempipe.storage.os_errors import input_errors

T = TypeVar("T")

# A living writer touches its files all the time; one that was killed never again.
_STALE_SECONDS: Final = 24 * 3600
# Another writer removes the empty folders between our making them and our using them.
_ATTEMPTS: Final = 100
# Some network and FUSE file systems answer so.
_CANNOT_SYNC_FOLDERS: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


@contextmanager
def scratch_file(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open a new temporary file in the hidden folder of `folder`; it is removed afterwards, as is the empty folder.

    Whoever wants to keep the content links or renames the file while it is open here.
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
    """Return what `make` makes under a new name in the hidden folder of `folder`, which is swept before."""
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
    """Remove what killed writers left a day ago or longer; never what may live."""
    limit = time.time() - _STALE_SECONDS
    # Somebody else may sweep too, and a store that cannot be cleaned can still be used.
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
    except FileExistsError:  # a file, or somebody was faster
        if not folder.is_dir():
            raise
    sync_folder(folder.parent)
