"""Whether a trained trial's predictions are in the data set's order: what a wrong order would look like."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.outcomes import REQUIRED

N_ORDERS: Final = 200
"""Random orders that predictions are compared with: a wrong order passes once in 201 times."""
_MOST: Final = 20_000
"""Examples that are compared; of a larger part a random selection."""
_SEED: Final = 0


@dataclass(frozen=True)
class OrderTest:
    """How often predictions are right in their order, and in random ones.

    Attributes:
        accuracy: share of the compared examples that is right.
        largest_random: the largest share in `N_ORDERS` random orders of all predictions.
    """

    accuracy: float
    largest_random: float

    @property
    def fits(self) -> bool:
        """Whether the order is better than each random one."""
        return self.accuracy > self.largest_random


def compare_orders(
    outcomes: Mapping[str, NDArray[Any]], labels: NDArray[np.int64], compared: NDArray[np.bool_]
) -> OrderTest:
    """Compare one trial's order of predictions with random orders.

    Predictions in a wrong order, however constant it is, are right as rarely as in a random one; so are those of a
    model that learned nothing.

    Args:
        outcomes: of one part of the data set, each (n,); predicted classes where there are any, else correctness,
            which shows a wrong order only where the model is right more often on the compared examples.
        labels: int64 (n,).
        compared: bool (n,), not all False; the examples that the trial saw, or all of the test part.
    """
    rng = np.random.default_rng(_SEED)
    selection = rng.permutation(len(labels))[:_MOST] if len(labels) > _MOST else np.arange(len(labels))
    places = np.flatnonzero(compared[selection])
    by_class = "prediction" in outcomes
    values = np.asarray(outcomes["prediction" if by_class else REQUIRED])[selection]
    expected = labels[selection][places] if by_class else np.ones(len(places), dtype=np.bool_)
    n_random = max(np.count_nonzero(rng.permutation(values)[places] == expected) for _ in range(N_ORDERS))
    n_right = np.count_nonzero(values[places] == expected)
    n = max(1, len(places))
    return OrderTest(float(n_right) / n, float(n_random) / n)


def is_reordered(first: Mapping[str, NDArray[Any]], second: Mapping[str, NDArray[Any]]) -> bool:
    """Return whether two outcomes of one trial, each (n,), hold the same predictions in different orders.

    They are equal when sorted, and agree in fewer places than halfway between a random order, which agrees in
    sum(c_k^2) / n of n places for values that occur c_k times, and the same order: two trainings that differ a little
    can have the same number of each class as well. Predicted classes decide, as margins and correctness depend on the
    label at the example's place; without them correctness does.
    """
    name = "prediction" if "prediction" in first else REQUIRED
    before, after = first[name], second[name]
    if np.array_equal(before, after) or not np.array_equal(np.sort(before), np.sort(after)):
        return False
    _, counts = np.unique(before, return_counts=True)
    at_random = float((counts.astype(np.float64) ** 2).sum()) / len(before)
    return bool(np.count_nonzero(before == after) < (at_random + len(before)) / 2)
