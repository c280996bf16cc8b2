"""Packed bits: one bit for each example, along the examples, the first example lowest; spare bits are 0."""

import numpy as np
from numpy.typing import NDArray


def packed_width(n: int) -> int:
    """Return the number of bytes that hold `n` bits: ceil(n / 8)."""
    return -(-n // 8)


def pack(rows: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pack bool [trial, example] into bits along the examples, first example lowest; spare bits are 0."""
    return np.packbits(rows, axis=-1, bitorder="little")


def unpack(rows: NDArray[np.uint8], n: int) -> NDArray[np.bool_]:
    """Return bool [trial, example] of packed rows of `n` examples."""
    return np.unpackbits(rows, axis=-1, count=n, bitorder="little").astype(np.bool_)


def unpack_at(rows: NDArray[np.uint8], positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Unpack some examples of packed rows, bool [trial, position]; no other is unpacked."""
    return (rows[..., positions >> 3] >> (positions & 7).astype(np.uint8) & 1).astype(np.bool_)
