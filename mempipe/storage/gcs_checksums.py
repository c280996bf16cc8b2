"""Checksums of an object's bytes, in the encoding of the bucket's metadata."""

import base64
import hashlib
import tempfile
from typing import Any, BinaryIO

import google_crc32c

from mempipe.storage.files import chunks, equal_content


def crc32c_of(file: BinaryIO) -> str:
    """Return the crc32c of the whole file, base64."""
    file.seek(0)
    crc = 0
    for chunk in chunks(file):
        crc = google_crc32c.extend(crc, chunk)
    return base64.b64encode(crc.to_bytes(4, "big")).decode()


def md5_of(file: BinaryIO) -> str:
    """Return the MD5 of the whole file, base64."""
    file.seek(0)
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in chunks(file):
        digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()


def size_of(file: BinaryIO) -> int:
    """Return the size of the whole file in bytes."""
    return file.seek(0, 2)


def same_bytes(blob: Any, source: BinaryIO, **calls: Any) -> bool:
    """Return whether an object holds the bytes of `source`, from its metadata where that suffices.

    Args:
        blob: with its metadata loaded.
        source: what we have.
        calls: options of every request, such as the timeout.
    """
    if blob.size != size_of(source) or blob.crc32c != crc32c_of(source):
        return False
    if blob.md5_hash is not None:
        return bool(blob.md5_hash == md5_of(source))
    # Composed objects have no MD5, and a crc32c alone is too short to be sure.
    with tempfile.TemporaryFile() as theirs:
        blob.download_to_file(theirs, checksum="crc32c", **calls)
        theirs.seek(0)
        source.seek(0)
        return equal_content(source, theirs)
