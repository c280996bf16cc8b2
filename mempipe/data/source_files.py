"""The files of a large data set, listed without reading them and read one by one, from a folder or a bucket."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mempipe.data.fetch import is_remote, local_folder
from mempipe.errors import DataError
from mempipe.storage import open_store


@dataclass(frozen=True)
class SourceFile:
    """One file as a listing shows it.

    Attributes:
        name: relative to the data set's place, with `/`.
        size: bytes.
        version: changes when the content does: the time of the last change (folder) or the generation (bucket).
    """

    name: str
    size: int
    version: str


@dataclass(frozen=True)
class SourceFiles:
    """All files of a place.

    Attributes:
        place: path or URI, for messages.
        files: sorted by name, as code points; hidden ones are left out.
        read: returns the bytes of a file by its name.
    """

    place: str
    files: tuple[SourceFile, ...]
    read: Callable[[str], bytes]


def list_files(uri: str, *, what: str) -> SourceFiles:
    """List the files below a path or a URI; links to folders are followed.

    Raises:
        DataError: there is no such folder, or it is empty.
    """
    if is_remote(uri):
        store = open_store(uri)
        listed = [SourceFile(info.key, info.size, info.generation) for info in store.list()]
        place = store.uri
        read: Callable[[str], bytes] = store.read
    else:
        root = local_folder(uri, what=what)
        listed = list(_walk(root))
        place = str(root)
        read = partial(_read, root)
    files = sorted((file for file in listed if not _hidden(file.name)), key=lambda file: file.name)
    if not files:
        raise DataError(f"Data set cannot be read: {what} {place} is empty, expected files.", hint="correct data.path.")
    return SourceFiles(place, tuple(files), read)


def listing_digest(files: Iterable[SourceFile]) -> str:
    """Return SHA-256 (hex) over names, sizes and versions, without reading a file."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{file.size}\0{file.version}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _walk(root: Path) -> Iterator[SourceFile]:
    for folder, _, names in os.walk(root, followlinks=True):
        for name in names:
            path = Path(folder, name)
            status = path.stat()
            yield SourceFile(path.relative_to(root).as_posix(), status.st_size, str(status.st_mtime_ns))


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _read(root: Path, name: str) -> bytes:
    path = root / name
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"Data set cannot be read: {path} {error.strerror or error}, expected a readable file.",
            hint="check the file and its permissions.",
        ) from error
