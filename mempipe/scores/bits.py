"""Packed bits along the examples: bit k of byte b is example 8 * b + k, as in `numpy.packbits(bitorder="little")`."""

import numpy as np
from numpy.typing import NDArray


def packed_width(n: int) -> int:
    """Return the number of bytes that hold `n` bits: ceil(n / 8)."""
    return -(-n // 8)


def pack_rows(rows: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pack bool [trial, example] into bits along the examples.

    Args:
        rows: bool (c, n); another dtype counts as true where it is not 0.

    Returns:
        uint8 (c, ceil(n / 8)); the spare bits of the last byte are 0.
    """
    return np.packbits(np.asarray(rows, dtype=np.bool_), axis=-1, bitorder="little")
