"""What a commit sends: bytes in memory or a local file, read in the same way."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from mempipe.storage.os_errors import input_errors

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
    # A store says for itself what is wrong on its side: an OSError that comes through here is the file's.
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
    """Tell whether the rest of both files is the same."""
    while True:
        ours, theirs = one.read(CHUNK), other.read(CHUNK)
        if ours != theirs:
            return False
        if not ours:
            return True
