"""Algorithm 1's estimates from exact counts: memorization, influence and held-out accuracy; and how uncertain they are.

A side with no trial has no proportion, so the score is NaN: an example that was in every subset or in none. (The
algorithm in the proof of Lemma 2.1 puts 1/2 there; a made-up value must not look like a measured one.) Each score has a
standard error; the lemma's bound holds for all of them.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import EmptyTallyError, InputError, TallyError
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


METHOD: Final = "agresti-caffo"
"""Name of the standard errors' method, written with them."""


def difference_standard_error(
    correct_in: NDArray[Any], n_in: NDArray[Any], correct_out: NDArray[Any], n_out: NDArray[Any]
) -> FloatArray:
    """Return the standard error of `correct_in / n_in - correct_out / n_out`.

    Agresti & Caffo 2000 (The American Statistician 54(4), 280-288): add one success and one failure to each side,
        p_in = (correct_in + 1) / (n_in + 2),   p_out = (correct_out + 1) / (n_out + 2),
        se   = sqrt(p_in (1 - p_in) / (n_in + 2) + p_out (1 - p_out) / (n_out + 2)),
    so that it is never 0: not even where every trial agrees, as for most examples, and where the plain formula would
    say that nothing is uncertain. It is the standard error alone; the score stays the plain difference.

    It assumes independent trials, as in the `uniform` design: given whether a trial saw example i, its
    outcome is a Bernoulli draw of its own. In the `balanced` design the trials of a deal of 10 are dependent (what one
    leaves out, others see), only deals are independent, and this formula ignores that. Balance evens out what the
    other examples do to the outcome, so the true error is expected to be at most about this. That is an observation (on
    digits the error of memorization was 0.0037 against 0.0042 to 0.0048 for `uniform`, that of influence the same), not
    a guarantee. It measures the noise of trials, not how far memorization at this subset ratio is from that of the
    whole training set, nor the selection of large scores.

    Args:
        correct_in: integers; trials that saw the train example and were right, all four of a common shape.
        n_in: integers; trials that saw it.
        correct_out: integers; trials that did not see it and were right.
        n_out: integers; trials that did not see it.

    Returns:
        float64, above 0; NaN where a side has no trial, as the score.
    """
    variance = _term(correct_in, n_in) + _term(correct_out, n_out)
    return np.where((np.asarray(n_in) == 0) | (np.asarray(n_out) == 0), np.nan, np.sqrt(variance))


def memorization_standard_error(tally: ExampleTally) -> FloatArray:
    """Return the standard error of `memorization`: `difference_standard_error`, and what it assumes.

    Returns:
        float64 (n_train,), above 0; NaN where the score is NaN.

    Raises:
        EmptyTallyError: no trial was counted.
    """
    require_trials(tally)
    return difference_standard_error(tally.correct_in, tally.n_in, tally.correct_out, tally.n_out)


def influence_standard_error(block: BlockTally, examples: ExampleTally, rows: Rows = None) -> FloatArray:
    """Return the standard error of `influence`: `difference_standard_error`, and what it assumes.

    Args:
        block: counts of the pairs.
        examples: counts of the examples, over the same trials.
        rows: which rows of the block; by default all.

    Returns:
        float64 [train, test], above 0; NaN where the score is NaN.

    Raises:
        EmptyTallyError: no trial was counted.
        TallyError: the two tallies are of different trials, or the block is of another data set.
    """
    n_in, n_out, correct_in, correct_out = pair_counts(block, examples, rows)
    return difference_standard_error(correct_in, n_in[:, None], correct_out, n_out[:, None])


def lemma_2_1_bound(n_trials: int, ratio: float) -> float:
    """Return the bound of Lemma 2.1 on the mean squared error of any one influence or memorization estimate.

    Feldman & Zhang 2020, Lemma 2.1, for t trials on subsets of m of n examples, p = min(m/n, 1 - m/n):
        E[(infl_m(A, S, i, z) - mu_i)^2] <= 1 / (p t) + 1 / ((1 - p) t) + exp(-p t / 16) / 2

    What the lemma is about: an algorithm that draws *independent, uniform* subsets, t/2 of size m for the first term
    and t/2 of size m - 1 for the second, and puts 1/2 for a proportion without trials (App. A). Algorithm 1, as run by
    the authors and here, uses all t trials of size m for both terms; Remark A.1 calls models of the two sizes
    essentially identical and the gain a factor of 2. So the bound is stated for scores that are defined; it is loose
    (it takes every variance for 1/4 at half the expected trials), and it does not apply to the `balanced` design,
    whose trials are not independent.

    Args:
        n_trials: t, at least 1.
        ratio: m/n, above 0 and below 1.

    Returns:
        The bound on the mean squared error; its square root bounds the root mean squared error.

    Raises:
        InputError: `n_trials` or `ratio` is out of range.
    """
    if n_trials < 1 or not 0 < ratio < 1:
        raise InputError(
            f"Lemma 2.1 does not apply: n_trials is {n_trials} and ratio is {ratio}, "
            "expected n_trials >= 1 and 0 < ratio < 1.",
            hint="give the number of trials and m/n of the subset design.",
        )
    p = min(ratio, 1 - ratio)
    return 1 / (p * n_trials) + 1 / ((1 - p) * n_trials) + math.exp(-p * n_trials / 16) / 2


def _term(count: NDArray[Any], total: NDArray[Any]) -> FloatArray:
    proportion = (count + 1) / (total + 2)
    term: FloatArray = proportion * (1 - proportion) / (total + 2)
    return term
