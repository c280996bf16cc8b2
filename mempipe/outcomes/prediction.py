"""Predicted class: the first class with the largest logit. The smallest unsigned integer that holds the classes."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FORMAT_VERSION: Final = 2
DTYPES: Final = ("uint8", "uint16", "uint32")


def width(n: int) -> int:
    """One value for each example."""
    return n


def of_logits(logits: NDArray[np.floating[Any]], _: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return int64 (..., n)."""
    return np.asarray(logits.argmax(axis=-1))


def encode(values: NDArray[np.integer[Any]], n_classes: int) -> NDArray[np.unsignedinteger[Any]]:
    """Return (..., n) as uint8, uint16 or uint32."""
    return values.astype(np.min_scalar_type(n_classes - 1))


def decode(
    rows: NDArray[np.unsignedinteger[Any]], _: int, columns: NDArray[np.int64] | None = None
) -> NDArray[np.unsignedinteger[Any]]:
    """Return the rows."""
    return rows if columns is None else rows[..., columns]


def problem(
    row: NDArray[np.unsignedinteger[Any]], correct: NDArray[np.bool_], labels: NDArray[np.int64], n_classes: int
) -> str | None:
    """A prediction must be a class, and the label exactly where it is correct."""
    dtype = np.min_scalar_type(n_classes - 1)
    if row.dtype != dtype:
        return f"is {row.dtype}, expected {dtype} for {n_classes} classes"
    for wrong, expected in (
        (row >= n_classes, f"below {n_classes}, the number of classes"),
        (correct & (row != labels), "its label as it is correct"),
        (~correct & (row == labels), "another class than its label as it is wrong"),
    ):
        if wrong.any():
            index = int(wrong.argmax())
            return f"of example {index} is {row[index]}, expected {expected}"
    return None
