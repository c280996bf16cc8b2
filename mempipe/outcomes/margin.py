"""Margin log p_y - log(1 - p_y): how sure the model is of the label, above 0 where p_y > 1/2. float16."""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FORMAT_VERSION: Final = 1
DTYPES: Final = ("float16",)
TOLERANCE: Final = 0.01
"""How far a margin may lie on the wrong side: float16 keeps 11 bits, and log(classes - 1) is below 16."""

_LARGEST: Final = float(np.finfo(np.float16).max)


def width(n: int) -> int:
    """One value for each example."""
    return n


def of_logits(logits: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]) -> NDArray[np.floating[Any]]:
    """Return z_y - log(sum over j != y of exp z_j), (..., n), which stays exact where p_y is near 1."""
    own = labels[..., None] == np.arange(logits.shape[-1])
    others = np.logaddexp.reduce(np.where(own, -np.inf, logits), axis=-1)
    return np.asarray(np.where(own, logits, 0).sum(axis=-1) - others)


def encode(values: NDArray[np.floating[Any]], _: int) -> NDArray[np.float16]:
    """Return float16 (..., n), kept within its finite range."""
    return np.asarray(np.clip(values, -_LARGEST, _LARGEST), dtype=np.float16)


def decode(rows: NDArray[np.float16], _: int, columns: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
    """Return float32 (..., n), the same numbers: sums in float16 would round, and end at 65,504."""
    return (rows if columns is None else rows[..., columns]).astype(np.float32)


def problem(row: NDArray[np.float16], correct: NDArray[np.bool_], _: NDArray[np.int64], n_classes: int) -> str | None:
    """A margin must be a number and fit correctness.

    p_y > 1/2 is correct, p_y below 1 / classes is wrong. Equal logits are decided by the trainer, and float16 rounds,
    so within `TOLERANCE` of these limits either is right.
    """
    lowest = -math.log(n_classes - 1) if n_classes > 1 else -math.inf
    margin = row.astype(np.float32)
    for wrong, expected in (
        (np.isnan(margin), "a number"),
        (~correct & (margin > TOLERANCE), "at most 0 as its prediction is wrong"),
        (correct & (margin < lowest - TOLERANCE), f"at least {lowest:.3f} as its prediction is correct"),
    ):
        if wrong.any():
            index = int(wrong.argmax())
            return f"of example {index} is {row[index]}, expected {expected}"
    return None
