"""High-influence pairs: their selection (section 2 of the paper) and their statistics (section 3.3)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import InputError, TallyError
from mempipe.scores.estimate import require_same_trials
from mempipe.scores.estimators import Estimates, checked
from mempipe.scores.estimators.plain import PlainEstimates
from mempipe.scores.tally import BlockTally, ExampleTally

_CELLS_AT_ONCE: Final = 2**21


@dataclass(frozen=True, eq=False)
class PairTable:
    """Selected pairs, one row each: descending influence, then ascending train position, then test position.

    Attributes:
        tr_idx, tt_idx: int64; positions in dataset order.
        infl, infl_se: float64; influence and its standard error.
        mem, mem_se: float64; memorization of the train example and its standard error.
        n_in, n_out: int64; trials that saw, and did not see, the train example.
        correct_in, correct_out: int64; those of them that were right on the test example.
    """

    tr_idx: NDArray[np.int64]
    tt_idx: NDArray[np.int64]
    infl: NDArray[np.float64]
    infl_se: NDArray[np.float64]
    mem: NDArray[np.float64]
    mem_se: NDArray[np.float64]
    n_in: NDArray[np.int64]
    n_out: NDArray[np.int64]
    correct_in: NDArray[np.int64]
    correct_out: NDArray[np.int64]

    def __len__(self) -> int:
        return self.tr_idx.size

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns by name, in the order above."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class PairStatistics:
    """What section 3.3 reports of the pairs.

    Attributes:
        n_pairs: number of pairs (paper: 35 / 1015 / 1641 for MNIST / CIFAR-100 / ImageNet).
        n_train: different train examples in them.
        n_test: different test examples in them (33 / 888 / 1462).
        test_share: `n_test` as a share of the test set (0.33 % / 8.88 % / 2.92 %); NaN of an empty or an
            unknown test set.
        n_test_single: test examples that are in exactly one pair, influenced by a single train example
            (31 / 774 / 1298).
    """

    n_pairs: int
    n_train: int
    n_test: int
    test_share: float
    n_test_single: int


def select_pairs(
    blocks: Iterable[BlockTally],
    examples: ExampleTally,
    train_labels: NDArray[Any],
    test_labels: NDArray[Any],
    *,
    estimates: Estimates | None = None,
    mem: float = 0.25,
    infl: float = 0.15,
    same_label: bool = True,
) -> PairTable:
    """Select the pairs whose train example is memorized and influences the test example.

    Feldman & Zhang 2020, section 2: all (i, j) with mem[i] >= mem, infl[i, j] >= infl and, if `same_label`,
    y_i = y'_j. Compared in float64; a score that is NaN is never selected. Selection by estimates favors those that
    are too large, more so near the threshold; the standard errors do not include that.

    Args:
        blocks: counts of pairs, read one after the other; none is kept.
        examples: counts of the examples, over the same trials.
        train_labels: integers (n_train,).
        test_labels: integers (n_test,).
        estimates: of the same trials; by default those of Algorithm 1.
        mem: threshold of the train example's memorization, in [-1, 1].
        infl: threshold of the influence, in [-1, 1].
        same_label: whether the two labels must be equal.

    Returns:
        The pairs in the order that `PairTable` states; the same whatever the order and division of `blocks`.

    Raises:
        InputError: a threshold is no number in [-1, 1].
        EmptyTallyError: no trial was counted.
        TallyError: tallies are of different trials or data sets, or a pair is in two blocks.
        PluginError: estimates do not have the shape of what they are of.
    """
    require_thresholds(mem=mem, infl=infl)
    if (train_labels.size, test_labels.size) != (examples.n_train, examples.n_test):
        raise TallyError(
            f"Pairs cannot be selected: labels are of {train_labels.size} train and {test_labels.size} test examples, "
            f"expected {examples.n_train} and {examples.n_test}.",
            hint="give the labels of the data set that was counted.",
        )
    estimates = estimates or PlainEstimates(examples)
    memorization = checked(estimates.memorization(), (examples.n_train,), of="memorization")
    memorized = memorization.value >= mem
    columns = [_nothing()]
    for block in blocks:
        require_same_trials(block, examples)
        tr_idx, tt_idx = block.block.tr_idx, block.block.tt_idx
        for rows in _slabs(np.flatnonzero(memorized[tr_idx]), tt_idx.size):
            estimate = checked(estimates.influence(block, rows), (rows.size, tt_idx.size), of="influence")
            chosen = estimate.value >= infl
            if same_label:
                chosen &= train_labels[tr_idx[rows], None] == test_labels[tt_idx]
            r, j = np.nonzero(chosen)
            i = rows[r]
            scores = estimate.value[r, j], estimate.standard_error[r, j]
            columns.append((tr_idx[i], tt_idx[j], *scores, block.correct_in[i, j].astype(np.int64)))
    i, j, value, error, correct_in = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.lexsort((j, i, -value))
    i, j, value, error, correct_in = i[order], j[order], value[order], error[order], correct_in[order]
    _refuse_repeated(i, j)
    n_in, n_out, correct_out = examples.n_in[i], examples.n_out[i], examples.test_correct[j] - correct_in
    return PairTable(
        tr_idx=i,
        tt_idx=j,
        infl=value,
        infl_se=error,
        mem=memorization.value[i],
        mem_se=memorization.standard_error[i],
        n_in=n_in,
        n_out=n_out,
        correct_in=correct_in,
        correct_out=correct_out,
    )


def require_thresholds(*, mem: float, infl: float) -> None:
    """Refuse thresholds that are no score.

    Raises:
        InputError: a threshold is no number in [-1, 1].
    """
    for name, threshold in (("mem", mem), ("infl", infl)):
        if not -1 <= threshold <= 1:
            raise InputError(
                f"Pairs cannot be selected: threshold {name} is {threshold}, expected a number in [-1, 1].",
                hint="the paper's thresholds are mem 0.25 and infl 0.15.",
            )


def pair_statistics(tr_idx: NDArray[np.int64], tt_idx: NDArray[np.int64], n_test: int | None) -> PairStatistics:
    """Count the pairs' examples as section 3.3 does.

    Args:
        tr_idx: int64 (n_pairs,); training positions of selected pairs, each pair once.
        tt_idx: int64 (n_pairs,); their test positions.
        n_test: size of the test set; None where it is unknown.

    Raises:
        InputError: a pair's test position is not below `n_test`.
    """
    if n_test is not None and tt_idx.size and tt_idx.max() >= n_test:
        raise InputError(
            f"Pairs cannot be summed up: test position is {tt_idx.max()}, expected below n_test {n_test}.",
            hint="give the size of the test set that the pairs were selected from.",
        )
    unique_test, times = np.unique(tt_idx, return_counts=True)
    return PairStatistics(
        n_pairs=tr_idx.size,
        n_train=np.unique(tr_idx).size,
        n_test=unique_test.size,
        test_share=unique_test.size / n_test if n_test else float("nan"),
        n_test_single=int(np.count_nonzero(times == 1)),
    )


Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]


def _nothing() -> Columns:
    none, score = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
    return none, none, score, score, none


def _slabs(rows: NDArray[np.intp], width: int) -> Iterator[NDArray[np.intp]]:
    """Divide rows so that the float64 scores of a slab stay small."""
    step = max(1, _CELLS_AT_ONCE // max(1, width))
    for start in range(0, rows.size, step):
        yield rows[start : start + step]


def _refuse_repeated(tr_idx: NDArray[np.int64], tt_idx: NDArray[np.int64]) -> None:
    order = np.lexsort((tt_idx, tr_idx))
    again = (np.diff(tr_idx[order]) == 0) & (np.diff(tt_idx[order]) == 0)
    if again.any():
        first = order[np.argmax(again)]
        raise TallyError(
            f"Pairs cannot be selected: train {tr_idx[first]} with test {tt_idx[first]} is in two blocks, "
            "expected one.",
            hint="give each block of one scope once.",
        )
