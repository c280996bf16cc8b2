"""Algorithm 1's estimates from exact counts: memorization, influence and held-out accuracy.

A side with no trial has no proportion, so the score is NaN: an example that was in every subset or in none. (The
algorithm in the proof of Lemma 2.1 puts 1/2 there; a made-up value must not look like a measured one.)
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import EmptyTallyError, TallyError
from mempipe.scores.tally import BlockTally, ExampleTally

FloatArray = NDArray[np.float64]
Rows = slice | NDArray[np.integer[Any]] | None
"""Which rows of a block; None for all."""


class PairCounts(NamedTuple):
    """Counts of pairs: `n_in`, `n_out` (r,) of the train examples, `correct_in`, `correct_out` (r, n_tt)."""

    n_in: NDArray[np.int64]
    n_out: NDArray[np.int64]
    correct_in: NDArray[np.int32]
    correct_out: NDArray[np.int64]


def memorization(tally: ExampleTally) -> FloatArray:
    """Estimate how much each training example's label depends on its being seen.

    Feldman & Zhang 2020 (arXiv:2008.03703), eq. (1) over subsets, Algorithm 1, line 5:
        mem[i] = P_k(h_k(x_i) = y_i | i in I_k) - P_k(h_k(x_i) = y_i | i not in I_k)
               = correct_in[i] / n_in[i] - correct_out[i] / n_out[i]

    Args:
        tally: counts over trials.

    Returns:
        float64 (n_train,), in [-1, 1]; NaN where an example was in every subset or in none.

    Raises:
        EmptyTallyError: no trial was counted.
    """
    require_trials(tally)
    return _proportion(tally.correct_in, tally.n_in) - _proportion(tally.correct_out, tally.n_out)


def influence(block: BlockTally, examples: ExampleTally, rows: Rows = None) -> FloatArray:
    """Estimate how much seeing a train example changes the accuracy on a test example.

    Feldman & Zhang 2020, eq. (2) over subsets, Algorithm 1, line 7:
        infl[i, j] = P_k(h_k(x'_j) = y'_j | i in I_k) - P_k(h_k(x'_j) = y'_j | i not in I_k)
                   = correct_in[i, j] / n_in[i] - (test_correct[j] - correct_in[i, j]) / n_out[i]

    Args:
        block: counts of the pairs.
        examples: counts of the examples, over the same trials.
        rows: which rows of the block; by default all. A row's scores do not depend on the others.

    Returns:
        float64 [train, test], (n_tr, n_tt) of the block or of the chosen rows, in [-1, 1]; NaN in the rows of examples
        that were in every subset or in none.

    Raises:
        EmptyTallyError: no trial was counted.
        TallyError: the two tallies are of different trials, or the block is of another data set.
    """
    return difference(pair_counts(block, examples, rows))


def difference(counts: PairCounts) -> FloatArray:
    """Return the `influence` of counted pairs."""
    held_out = _proportion(counts.correct_out, counts.n_out[:, None])
    return _proportion(counts.correct_in, counts.n_in[:, None]) - held_out


def heldout_accuracy(tally: ExampleTally) -> FloatArray:
    """Estimate the accuracy on each training example by trials that did not see it.

    Known as the C-score at this subset ratio (Jiang et al. 2020, arXiv:2002.03206); the second term of `memorization`:
        heldout[i] = P_k(h_k(x_i) = y_i | i not in I_k) = correct_out[i] / n_out[i]

    Args:
        tally: counts over trials.

    Returns:
        float64 (n_train,), in [0, 1]; NaN where an example was in every subset.

    Raises:
        EmptyTallyError: no trial was counted.
    """
    require_trials(tally)
    return _proportion(tally.correct_out, tally.n_out)


def pair_counts(block: BlockTally, examples: ExampleTally, rows: Rows = None) -> PairCounts:
    """Return the counts of the chosen rows.

    Raises:
        EmptyTallyError: no trial was counted.
        TallyError: the two tallies are of different trials, or the block is of another data set.
    """
    require_trials(examples)
    require_same_trials(block, examples)
    rows = slice(None) if rows is None else rows
    tr_idx, correct_in = block.block.tr_idx[rows], block.correct_in[rows]
    correct_out: NDArray[np.int64] = examples.test_correct[block.block.tt_idx] - correct_in
    return PairCounts(examples.n_in[tr_idx], examples.n_out[tr_idx], correct_in, correct_out)


def require_same_trials(block: BlockTally, examples: ExampleTally) -> None:
    """Refuse to relate counts of pairs to counts of other trials, or of another data set.

    Raises:
        TallyError: the trials differ, or the block points beyond the examples.
    """
    pairs = block.block
    if block.trials != examples.trials:
        raise TallyError(
            f"Influence cannot be estimated: block {pairs.name} trials are {str(block.trials.to_dict())[:200]}, "
            f"expected those of the examples, {str(examples.trials.to_dict())[:200]}.",
            hint="count examples and blocks from the same list of shards.",
        )
    for idx, n, side in ((pairs.tr_idx, examples.n_train, "train"), (pairs.tt_idx, examples.n_test, "test")):
        if idx.size and idx[-1] >= n:
            raise TallyError(
                f"Influence cannot be estimated: block {pairs.name} has {side} position {idx[-1]}, expected below {n}.",
                hint="the block and the examples are of different data sets.",
            )


def require_trials(tally: ExampleTally) -> None:
    """Refuse to estimate from nothing.

    Raises:
        EmptyTallyError: no trial was counted.
    """
    if tally.n_trials == 0:
        raise EmptyTallyError(
            "Scores cannot be estimated: tally n_trials is 0, expected 1 or more.",
            hint="train first: `mempipe plan` says which trials are missing.",
        )


def _proportion(count: NDArray[Any], total: NDArray[np.int64]) -> FloatArray:
    """Return count / total in float64; NaN where total is 0."""
    safe = np.where(total == 0, np.nan, total)
    proportion: FloatArray = count / safe
    return proportion
