"""The objects of a folder in the order of their names, and what each one contains."""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from mempipe.storage.files import NO_OBJECT, sha256_of, store_errors
from mempipe.storage.protocol import HIDDEN

# A file may change twice within one tick of its file system's clock; network file systems have ticks of 2 s.
_SETTLED_NS: Final = 3 * 10**9


def walk(folder: Path, prefix: str) -> Iterator[str]:
    """Yield the names of all files below `folder` that start with `prefix`, sorted as strings.

    Hidden folders of writers are skipped, symbolic links to folders are not followed (they could lead in circles).
    """
    parent, slash, start = prefix.rpartition("/")
    yield from _walk(folder / parent, f"{parent}{slash}", start)


def _walk(folder: Path, base: str, start: str) -> Iterator[str]:
    with store_errors("Store cannot be listed", folder):
        try:
            with os.scandir(folder) as entries:
                # A folder sorts with its slash, as its objects do: "a.npz" < "a/b.npz".
                names = sorted(
                    f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
                    for entry in entries
                    if entry.name != HIDDEN
                    and entry.name.startswith(start)
                    # Neither a link to a folder nor a dangling one.
                    and (entry.is_dir(follow_symlinks=False) or entry.is_file())
                )
        except (FileNotFoundError, NotADirectoryError):
            return
    for name in names:
        if name.endswith("/"):
            yield from _walk(folder / name, f"{base}{name}", "")
        else:
            yield f"{base}{name}"


class Digests:
    """SHA-256 of files, computed when it is needed and once for each state of a file."""

    def __init__(self) -> None:
        self._digests: dict[Path, tuple[_State, str]] = {}

    def of(self, path: Path) -> tuple[int, str | Callable[[], str]]:
        """Return the file's size, and its SHA-256 or a function that computes it.

        If the file has changed when the function is called, it returns a token that is the SHA-256 of no file.
        """
        state = _state(path.stat())
        cached = self._digests.get(path)
        if cached and cached[0] == state:
            return state.size, cached[1]
        # A change soon after the last one may not change the state, so the content is read now and not cached.
        if time.time_ns() - max(state.mtime_ns, state.ctime_ns) <= _SETTLED_NS:
            return state.size, _digest(path, state)
        return state.size, partial(self._remembered, path, state)

    def _remembered(self, path: Path, state: "_State") -> str:
        digest = _digest(path, state)
        self._digests[path] = (state, digest)
        return digest


class _State(NamedTuple):
    """The state by which a listed file is recognized."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


def _state(status: os.stat_result) -> _State:
    return _State(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _digest(path: Path, state: _State) -> str:
    """Return the SHA-256 of a file that is in this state before and after it is read."""
    with store_errors("Object cannot be read", path):
        try:
            with path.open("rb") as file:
                if _state(os.fstat(file.fileno())) == state:
                    digest = sha256_of(file)
                    if _state(os.fstat(file.fileno())) == state:
                        return digest
        except NO_OBJECT:
            pass
    return f"changed-{uuid.uuid4().hex}"
