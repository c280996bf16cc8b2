"""Folders that are written beside the place where they belong, and take it when they are complete.

Two writers at once never share a folder, and what a killed one leaves is removed a day later.
"""

import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mempipe.storage.files import input_errors, make_hidden

_WRITING: Final = "Folder cannot be written"
_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_CANNOT_EXCHANGE: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})


@contextmanager
def staging_folder(place: Path) -> Iterator[Path]:
    """Yield a new folder in the hidden folder of `place`; it is removed afterwards, as is `place` if made in vain.

    Raises:
        InputError: no folder can be made there.
    """
    existed = place.exists()
    with input_errors(_WRITING, place):
        staging = make_hidden(place, _new_folder)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        with suppress(OSError):
            staging.parent.rmdir()
            if not existed:
                place.rmdir()


def replace_folder(staging: Path, target: Path) -> None:
    """Let a staging folder beside `target` become `target`; what was there is left in its place, to be removed.

    A reader finds the old folder or the new one, also where the writer is killed or several replace the folder at once:
    the last one stays, whole. Where the system cannot exchange folders (not Linux, some network file systems) there is
    no folder of that name for an instant.

    Raises:
        InputError: the folder cannot be replaced.
    """
    with input_errors(_WRITING, target):
        while True:
            try:
                staging.rename(target)
                return
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
            with suppress(FileNotFoundError):  # another writer moved it away
                if not _exchange(staging, target):
                    with staging_folder(staging.parent.parent) as aside:
                        target.rename(aside)
                        replace_folder(staging, target)
                return


def _new_folder(path: Path) -> Path:
    path.mkdir()
    return path


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False where that is not possible."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), os.fspath(other))
