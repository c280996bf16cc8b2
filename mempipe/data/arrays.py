"""Reads arrays of images and labels from npz and IDX files, and brings them to the form of a `Dataset`."""

import gzip
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe import npz
from mempipe.errors import DataError

_IDX_UINT8: Final = 0x08


def read_npz(path: Path, keys: tuple[str, ...], *, what: str) -> list[NDArray[Any]]:
    """Return the arrays `keys` of an npz and read no others; pickled objects are refused, not executed."""
    try:
        arrays = npz.read_npz(path, keys)
        absent = [key for key in keys if key not in arrays]
        if absent:
            with zipfile.ZipFile(path) as archive:
                names = sorted(name.removesuffix(".npy") for name in archive.namelist())
            raise _unreadable(what, path, f"has arrays {names}", f"{absent[0]} among them")
    except npz.UnreadableNpzError as error:
        raise _unreadable(what, path, str(error), "an npz of plain arrays") from error
    return [arrays[key] for key in keys]


def read_idx(path: Path, *, what: str) -> NDArray[np.uint8]:
    """Return the uint8 array of an IDX file, plain or gzipped.

    The format: two zero bytes, the type (0x08 is uint8), the number of dimensions, each as a 32-bit big-endian
    integer, then the values in row-major order.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(what, path, f"cannot be read ({error})", "an IDX file") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _IDX_UINT8:
        raise _unreadable(what, path, f"begins with {content[:4]!r}", "an IDX header for uint8 (00 00 08 dimensions)")
    n_dims = content[3]
    shape = tuple(int.from_bytes(content[4 + 4 * d : 8 + 4 * d], "big") for d in range(n_dims))
    values = np.frombuffer(content, dtype=np.uint8, offset=min(len(content), 4 + 4 * n_dims))
    if values.size != math.prod(shape):
        raise _unreadable(what, path, f"holds {values.size} values", f"{math.prod(shape)} for shape {shape}")
    return values.reshape(shape)


def as_images(array: NDArray[Any], *, what: str, key: str) -> NDArray[Any]:
    """Return images as uint8 or float32 (n, height, width, channels); a missing channel axis is added.

    uint8 stays; other integers and floats become float32.
    """
    if array.ndim not in (3, 4) or not (np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_):
        raise DataError(
            f"Data set cannot be used: {what} {key} is {array.dtype} {array.shape}, "
            "expected numbers (n, height, width) or (n, height, width, channels).",
            hint="reshape the array; a table of features can be stored as (n, 1, features).",
        )
    if np.issubdtype(array.dtype, np.complexfloating):
        raise DataError(f"Data set cannot be used: {what} {key} is complex.", hint="store real numbers.")
    if array.ndim == 3:
        array = array[..., None]
    return np.ascontiguousarray(array if array.dtype == np.uint8 else array.astype(np.float32))


def as_labels(array: NDArray[Any], *, what: str, key: str) -> NDArray[np.int64]:
    """Return labels as int64 (n,); a trailing axis of length 1 is dropped."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            f"Data set cannot be used: {what} {key} is {array.dtype} {array.shape}, expected integers (n,).",
            hint="store one integer label for each image, numbered from 0.",
        )
    return array.astype(np.int64)


def _unreadable(what: str, path: Path, got: str, expected: str) -> DataError:
    return DataError(
        f"Data set cannot be read: {what} {path} {got}, expected {expected}.",
        hint="check that the file is complete and is the one that you meant.",
    )
