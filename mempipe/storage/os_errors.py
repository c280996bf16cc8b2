"""What the operating system says about a file, as errors that an operator can act on."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mempipe.errors import InputError, MempipeError, StoreError, StoreUnavailableError

NO_OBJECT: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
"""What opening a file raises where no object of its name is."""

_RIGHTS: Final = "give this user the right to it, or choose another location."
_SPACE: Final = "free space on that file system, or choose a location on another one."
_FOLDER: Final = "move that file or folder away, or choose another location."
_NAME: Final = "choose a shorter name or location."
_LINKS: Final = "the location must lie on one file system with hard links (not FAT, not a mounted bucket)."
_AGAIN: Final = "run the same command again; if it stays so, look after the disk or the network file system."

# errno: (what is the matter, the next action). Whatever is not here is permanent and said in the system's own words.
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
    said = error.strerror or str(error)
    if error.filename and os.fspath(error.filename) != str(location):
        said = f"{said}: {error.filename}"
    if error.errno in _PASSING:
        return StoreUnavailableError(f"{doing}: {location} does not answer as it should ({said}).", hint=_AGAIN)
    got, hint = _PERMANENT.get(error.errno or 0, ("not usable", _RIGHTS))
    return permanent(f"{doing}: {location} is {got} ({said}).", hint=hint)
