"""The objects of a folder in the order of their names, and what each one contains."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mempipe.storage.keys import HIDDEN
from mempipe.storage.os_errors import store_errors
from mempipe.storage.source import sha256_of

# A file may change twice within one tick of its file system's clock; network file systems have ticks of 2 s.
_SETTLED_NS: Final = 3 * 10**9


def walk(folder: Path, prefix: str) -> Iterator[str]:
    """Yield the names of all files below `folder` that start with `prefix`, sorted as strings.

    Hidden folders of writers are passed over, symbolic links to folders are not followed (they could lead in circles).
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
    """SHA-256 of files, computed once for each state of a file: a listing repeated costs no reading."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def of(self, path: Path) -> tuple[int, str]:
        """Return the file's size and SHA-256."""
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            known = self._known.get(path)
            if known and known[0] == state:
                return status.st_size, known[1]
            digest = sha256_of(file)
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED_NS:
            self._known[path] = (state, digest)
        return status.st_size, digest
