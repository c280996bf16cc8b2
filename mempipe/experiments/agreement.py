"""Agreement of two estimates at every threshold (section 3.5, eq. 4): overlap of sets and mean difference.

Counts by threshold come from one sorted search and a cumulative sum, so memory and time do not grow with the product of
the numbers of thresholds and scores. Agreements of parts can be added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Agreement:
    """Sizes of the sets I(theta) and I'(theta) and differences over their union; additive over parts.

    Attributes:
        thresholds: float64 (k,), strictly ascending.
        n_first, n_second: int64 (k,); size of I and of I'.
        n_both, n_either: int64 (k,); size of their intersection and of their union.
        difference: float64 (k,); sum of |a - b| over the union.
        n_undefined: scores that are NaN in either; in no set.
    """

    thresholds: FloatArray
    n_first: IntArray
    n_second: IntArray
    n_both: IntArray
    n_either: IntArray
    difference: FloatArray
    n_undefined: int

    @classmethod
    def empty(cls, thresholds: Sequence[float] | FloatArray) -> "Agreement":
        """Return the agreement of no scores, the neutral element of `+`.

        Raises:
            InputError: a threshold is NaN, or they do not ascend.
        """
        grid = np.asarray(thresholds, dtype=np.float64)
        if grid.ndim != 1 or np.isnan(grid).any() or (np.diff(grid) <= 0).any():
            raise InputError(
                f"Agreement cannot be measured: thresholds are {grid.tolist()}, expected ascending numbers.",
                hint="give each threshold once, the smallest first.",
            )
        zero = np.zeros(grid.size, dtype=np.int64)
        return cls(grid, zero, zero, zero, zero, np.zeros(grid.size), 0)

    def __add__(self, other: "Agreement") -> "Agreement":
        """Return the agreement over the scores of both; counts exactly, differences up to rounding.

        Raises:
            InputError: the thresholds differ.
        """
        if not np.array_equal(self.thresholds, other.thresholds):
            raise InputError(
                f"Agreements cannot be added: thresholds are {other.thresholds.tolist()}, "
                f"expected {self.thresholds.tolist()}.",
                hint="compare all parts at the same thresholds.",
            )
        return Agreement(
            self.thresholds,
            self.n_first + other.n_first,
            self.n_second + other.n_second,
            self.n_both + other.n_both,
            self.n_either + other.n_either,
            self.difference + other.difference,
            self.n_undefined + other.n_undefined,
        )

    @property
    def jaccard(self) -> FloatArray:
        """J(theta) = |I & I'| / |I | I'|, float64 (k,), in [0, 1]; NaN where both sets are empty."""
        return _ratio(self.n_both, self.n_either)

    @property
    def mean_difference(self) -> FloatArray:
        """D(theta) = mean of |a - b| over the union (eq. 4), float64 (k,), from 0; NaN where both sets are empty."""
        return _ratio(self.difference, self.n_either)

    def at(self, threshold: float) -> int:
        """Return the position of a threshold.

        Raises:
            KeyError: it is not among the thresholds.
        """
        index = np.flatnonzero(self.thresholds == threshold)
        if not index.size:
            raise KeyError(threshold)
        return int(index[0])


def agreement(
    thresholds: Sequence[float] | FloatArray,
    first: FloatArray,
    second: FloatArray,
    *,
    first_allowed: NDArray[np.bool_] | None = None,
    second_allowed: NDArray[np.bool_] | None = None,
) -> Agreement:
    """Compare two estimates, a and b, of the same quantities.

    Feldman & Zhang 2020, section 3.5:
        I(theta)  = {k : a[k] >= theta, first_allowed[k]}
        I'(theta) = {k : b[k] >= theta, second_allowed[k]}
        J(theta)  = |I & I'| / |I | I'|
        D(theta)  = mean over k in I | I' of |a[k] - b[k]|   (eq. 4)

    For memorization all examples are allowed; for influence, the pairs whose training example has mem >= 0.25 by the
    same estimate. A score that is NaN in either estimate is in neither set.

    Args:
        thresholds: theta, strictly ascending.
        first: a, float64 of any shape.
        second: b, of the same shape.
        first_allowed: mask of the scores that may be in I, bool of that shape; None: all.
        second_allowed: mask of the scores that may be in I'.

    Returns:
        Sizes and differences for each threshold.

    Raises:
        InputError: thresholds do not ascend, or shapes differ.
    """
    result = Agreement.empty(thresholds)
    arrays = [array for array in (first_allowed, second_allowed, second) if array is not None]
    if any(array.shape != first.shape for array in arrays):
        shapes = sorted({str(array.shape) for array in arrays})
        raise InputError(
            f"Agreement cannot be measured: shapes are {', '.join(shapes)}, expected {first.shape} for all.",
            hint="compare scores of the same examples or pairs.",
        )
    undefined = np.isnan(first) | np.isnan(second)
    enters_first = _enters(first, undefined, first_allowed)
    enters_second = _enters(second, undefined, second_allowed)
    lowest = result.thresholds[0] if result.thresholds.size else np.inf
    inside = np.maximum(enters_first, enters_second) >= lowest  # the few scores in any set
    enters_first, enters_second = enters_first[inside], enters_second[inside]
    distance = np.abs(first[inside] - second[inside])
    one, two = _level(result.thresholds, enters_first), _level(result.thresholds, enters_second)
    both, either = np.minimum(one, two), np.maximum(one, two)
    n = result.thresholds.size + 1
    n_first, n_second, n_both, n_either = (
        _from_the_top(np.bincount(level, minlength=n)).astype(np.int64) for level in (one, two, both, either)
    )
    difference = _from_the_top(np.bincount(either, weights=distance, minlength=n)).astype(np.float64)
    n_undefined = int(np.count_nonzero(undefined))
    return Agreement(result.thresholds, n_first, n_second, n_both, n_either, difference, n_undefined)


def _enters(scores: FloatArray, undefined: NDArray[np.bool_], allowed: NDArray[np.bool_] | None) -> FloatArray:
    """Return the largest threshold at which each score is in its set; -inf if it never is."""
    never = undefined if allowed is None else undefined | ~allowed
    return np.where(never, -np.inf, scores)


def _level(thresholds: FloatArray, entered: FloatArray) -> NDArray[np.intp]:
    """Return how many thresholds each value reaches: those at or below it."""
    return np.searchsorted(thresholds, entered, side="right")


def _from_the_top(by_level: NDArray[Any]) -> NDArray[Any]:
    """Turn sums for each number of reached thresholds into sums for each threshold."""
    sums: NDArray[Any] = by_level[:0:-1].cumsum()[::-1]
    return sums


def _ratio(part: NDArray[Any], whole: IntArray) -> FloatArray:
    ratio: FloatArray = np.divide(part, whole, out=np.full(whole.size, np.nan), where=whole > 0)
    return ratio
