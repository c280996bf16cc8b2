"""Algorithm 1 of the paper: differences of proportions, from counts alone, with Agresti-Caffo standard errors."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.scores.estimate import (
    FloatArray,
    Rows,
    difference,
    difference_standard_error,
    memorization,
    memorization_standard_error,
    pair_counts,
)
from mempipe.scores.estimators import Estimate, Observations
from mempipe.scores.tally import BlockTally, ExampleTally

NAME: Final = "plain"
OUTCOMES: Final = ("correct",)


def estimate(observations: Observations) -> "PlainEstimates":
    """Return the estimates of Algorithm 1."""
    return PlainEstimates(observations.examples)


@dataclass(frozen=True, eq=False)
class PlainEstimates:
    """The estimates of Algorithm 1.

    Attributes:
        examples: counts of the examples.
    """

    examples: ExampleTally

    def memorization(self) -> Estimate:
        """Return `mempipe.scores.estimate.memorization` and its standard error."""
        return Estimate(memorization(self.examples), memorization_standard_error(self.examples))

    def influence(self, block: BlockTally, rows: Rows = None) -> Estimate:
        """Return `mempipe.scores.estimate.influence`; its standard error is computed only where it is read."""
        counts = pair_counts(block, self.examples, rows)
        errors = _PairErrors(
            counts.n_in, counts.n_out, counts.correct_in, self.examples.test_correct[block.block.tt_idx]
        )
        return Estimate(difference(counts), errors)


@dataclass(frozen=True, eq=False)
class _PairErrors:
    n_in: NDArray[np.int64]
    n_out: NDArray[np.int64]
    correct_in: NDArray[np.int32]
    test_correct: NDArray[np.int64]

    def __getitem__(self, cells: Any) -> FloatArray:
        columns = np.broadcast_arrays(self.correct_in, self.n_in[:, None], self.test_correct, self.n_out[:, None])
        correct_in, n_in, correct, n_out = (column[cells] for column in columns)
        return difference_standard_error(correct_in, n_in, correct - correct_in, n_out)
