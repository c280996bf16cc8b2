"""Reads npz files that may be damaged or hostile: plain arrays or one named error, never a pickle.

A checked npz also holds a checksum over all its arrays, beside the CRC of each member; equal arrays give equal bytes.
"""

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_DAMAGED: Final = (
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    OSError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


class UnreadableNpzError(Exception):
    """The file is no whole npz of plain arrays; the message says why."""


def read_npz(source: bytes | Path) -> dict[str, NDArray[Any]]:
    """Return every array of an npz, with each member's CRC checked.

    Raises:
        UnreadableNpzError: truncated, damaged, no npz, or with pickled objects (which are not loaded).
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            if file.read(2) != b"PK":
                raise UnreadableNpzError("is no npz (it does not begin as a zip file does)")
            file.seek(0)
            loaded = np.load(file, allow_pickle=False)
            with loaded as archive:
                return {name: archive[name] for name in archive.files}
    except _DAMAGED as error:
        if "allow_pickle" in str(error) or "pickled" in str(error):
            raise UnreadableNpzError("holds pickled objects, which are never loaded; expected plain arrays") from error
        raise UnreadableNpzError(f"is damaged or no npz ({error})") from error


def encode_checked(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the bytes of a checked npz: the arrays, and `checksum` over them."""
    buffer = io.BytesIO()
    np.savez(buffer, checksum=np.asarray(checksum(arrays)), **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def decode_checked(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a checked npz, without its checksum.

    Raises:
        UnreadableNpzError: it cannot be read, or its arrays are not those that were written.
    """
    arrays = read_npz(content)
    found = arrays.pop("checksum", None)
    if found is None or str(found) != checksum(arrays):
        raise UnreadableNpzError("checksum does not match its arrays")
    return arrays


def checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return SHA-256 (hex) over the names, dtypes, shapes and bytes of arrays."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
