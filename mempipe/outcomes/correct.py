"""Correctness 1[h(x) = y]: whether the label is the first class with the largest logit. Packed bits."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.bits import pack, packed_width, unpack, unpack_at

FORMAT_VERSION: Final = 1
DTYPES: Final = ("uint8",)

width = packed_width


def of_logits(logits: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Return bool (..., n)."""
    return np.asarray(logits.argmax(axis=-1) == labels)


def encode(values: NDArray[np.bool_], _: int) -> NDArray[np.uint8]:
    """Return uint8 (..., ceil(n / 8))."""
    return pack(values)


def decode(rows: NDArray[np.uint8], n: int, columns: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
    """Return bool (..., n)."""
    return unpack(rows, n) if columns is None else unpack_at(rows, columns)


def problem(row: NDArray[np.uint8], correct: NDArray[np.bool_], _: NDArray[np.int64], __: int) -> str | None:
    """Bits beyond the last example must be 0."""
    n = correct.size
    return f"has bits set beyond example {n - 1}, expected 0" if n % 8 and row[-1] >> (n % 8) else None
