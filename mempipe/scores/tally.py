"""Tallies: exact integer counts over trials, which merge in any order to the same bytes.

For trial k with subset I_k and model h_k, and correctness 1[h_k(x) = y]:

    n_in[i]        = #{k : i in I_k}                          n_out[i]       = #{k : i not in I_k}
    correct_in[i]  = #{k : i in I_k, h_k(x_i) = y_i}          correct_out[i] = #{k : i not in I_k, h_k(x_i) = y_i}
    test_correct[j]  = #{k : h_k(x'_j) = y'_j}                correct_in[i, j] = #{k : i in I_k, h_k(x'_j) = y'_j}

and of a pair held out: correct_out[i, j] = test_correct[j] - correct_in[i, j]. Pairs are counted on blocks: rectangles
of (train, test) pairs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import InputError, TallyError
from mempipe.scores.trials import TrialSet


class Scope(StrEnum):
    """Which pairs are counted."""

    CLASS = "class"
    """Train and test examples of the same label, as the authors released it."""
    FULL = "full"
    """Every train example with every test example."""


@dataclass(frozen=True, eq=False)
class Block:
    """A rectangle of (train, test) pairs; positions in dataset order.

    Attributes:
        name: unique in a scope: `class_7`, or for some rows of it `class_7.rows_0_512`.
        label: label of its train examples.
        tr_idx: int64 (n_tr,), strictly ascending.
        tt_idx: int64 (n_tt,), strictly ascending.

    Raises:
        TallyError: positions are of another type, negative or not strictly ascending.
    """

    name: str
    label: int
    tr_idx: NDArray[np.int64]
    tt_idx: NDArray[np.int64]

    def __post_init__(self) -> None:
        for field, idx in (("tr_idx", self.tr_idx), ("tt_idx", self.tt_idx)):
            ascending = idx.ndim == 1 and bool(np.all(np.diff(idx, prepend=-1) > 0))
            if idx.dtype != np.int64 or not ascending:
                raise TallyError(
                    f"Block is inconsistent: {self.name} {field} is {idx.dtype} {idx.shape}, "
                    "expected int64 (n,), not negative and strictly ascending.",
                    hint="make blocks with blocks_of.",
                )

    @property
    def shape(self) -> tuple[int, int]:
        """(n_tr, n_tt)."""
        return self.tr_idx.size, self.tt_idx.size

    def same_pairs(self, other: "Block") -> bool:
        """Return whether both are the same rectangle under the same name and label."""
        return (
            (self.name, self.label) == (other.name, other.label)
            and np.array_equal(self.tr_idx, other.tr_idx)
            and np.array_equal(self.tt_idx, other.tt_idx)
        )

    def rows(self, start: int, stop: int) -> "Block":
        """Return the block of train examples `tr_idx[start:stop]` with the same test examples."""
        return Block(f"{self.name}.rows_{start}_{stop}", self.label, self.tr_idx[start:stop], self.tt_idx)


def blocks_of(train_labels: NDArray[Any], test_labels: NDArray[Any], scope: Scope) -> tuple[Block, ...]:
    """Divide the pairs into one block for each label of the training set, labels ascending.

    A label that only the test set has gives no block; one that only the training set has gives a block without test
    examples (`CLASS`). Every train example is in exactly one block.

    Args:
        train_labels: integers (n_train,).
        test_labels: integers (n_test,).
        scope: `CLASS` pairs a label's train examples with the test examples of that label, `FULL` with all.

    Raises:
        InputError: labels are no integers.
    """
    for name, labels in (("train_labels", train_labels), ("test_labels", test_labels)):
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
            raise InputError(
                f"Pairs cannot be divided by label: {name} is {labels.dtype} {labels.shape}, expected integers (n,).",
                hint="give one integer label for each example.",
            )
    every_test = np.arange(test_labels.size, dtype=np.int64)
    train_order, test_order = _by_label(train_labels), _by_label(test_labels)
    nothing = np.empty(0, dtype=np.int64)
    return tuple(
        Block(f"class_{label}", label, tr_idx, every_test if scope is Scope.FULL else test_order.get(label, nothing))
        for label, tr_idx in train_order.items()
    )


def split_blocks(blocks: tuple[Block, ...], max_bytes: int) -> tuple[Block, ...]:
    """Split each block whose int32 counts need more than `max_bytes` into consecutive rows that fit.

    The order stays, so the parts of a block follow one another and their rows, put together, are its rows. One row is
    never split.
    """
    parts: list[Block] = []
    for block in blocks:
        n_tr, n_tt = block.shape
        fitting = max(1, max_bytes // max(1, 4 * n_tt))
        if n_tr <= fitting:
            parts.append(block)
        else:
            parts.extend(block.rows(start, min(start + fitting, n_tr)) for start in range(0, n_tr, fitting))
    return tuple(parts)


def _by_label(labels: NDArray[Any]) -> dict[int, NDArray[np.int64]]:
    """Return the positions of each label, labels and positions ascending."""
    order = np.argsort(labels, kind="stable").astype(np.int64)
    present, first = np.unique(labels[order], return_index=True)
    return dict(zip(present.tolist(), np.split(order, first[1:]), strict=True)) if labels.size else {}


__all__ = ["Block", "BlockTally", "ExampleTally", "Scope", "TrialBatch", "TrialSet", "blocks_of", "merge"]

_MAX_TRIALS: Final = int(np.iinfo(np.int32).max)

Tally = TypeVar("Tally", "ExampleTally", "BlockTally")


@dataclass(frozen=True, eq=False)
class TrialBatch:
    """What one prediction shard gives, one row for each trial.

    Bits are packed along the examples, first example lowest. Spare bits beyond the last example are ignored, whatever
    they hold.

    Attributes:
        trials: int64 (c,), unique within their source.
        subset_mask: uint8 (c, ceil(n_train / 8)); which examples each trial saw.
        train, test: the outcomes by name, encoded as `mempipe.outcomes` states: always `correct`, uint8
            (c, ceil(n / 8)), which alone is counted.
    """

    trials: NDArray[np.int64]
    subset_mask: NDArray[np.uint8]
    train: Mapping[str, NDArray[Any]]
    test: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class ExampleTally:
    """Counts for each example.

    Attributes:
        trials: which trials were counted.
        n_in, n_out: int64 (n_train,); they sum to the number of trials.
        correct_in, correct_out: int64 (n_train,); correctness of the train example itself.
        test_correct: int64 (n_test,).

    Raises:
        TallyError: the counts contradict each other.
    """

    trials: TrialSet
    n_in: NDArray[np.int64]
    n_out: NDArray[np.int64]
    correct_in: NDArray[np.int64]
    correct_out: NDArray[np.int64]
    test_correct: NDArray[np.int64]

    def __post_init__(self) -> None:
        n_train = self.n_in.size
        for field in ("n_in", "n_out", "correct_in", "correct_out"):
            _expect(f"ExampleTally {field}", getattr(self, field), np.int64, (n_train,))
        _expect("ExampleTally test_correct", self.test_correct, np.int64, (self.test_correct.size,))
        for field, count, most in (
            ("correct_in", self.correct_in, self.n_in),
            ("correct_out", self.correct_out, self.n_out),
            ("test_correct", self.test_correct, np.int64(self.n_trials)),
        ):
            if np.any((count < 0) | (count > most)):
                raise _inconsistent(f"ExampleTally {field} has counts below 0 or above its number of trials")
        if np.any(self.n_in + self.n_out != self.n_trials):
            raise _inconsistent(f"ExampleTally n_in + n_out differs from the {self.n_trials} trials")

    @classmethod
    def empty(cls, n_train: int, n_test: int) -> "ExampleTally":
        """Return the tally of no trial: what `merge` leaves unchanged."""
        zero = np.zeros(n_train, dtype=np.int64)
        return cls(TrialSet(), zero, zero.copy(), zero.copy(), zero.copy(), np.zeros(n_test, dtype=np.int64))

    @property
    def n_trials(self) -> int:
        """Number of trials counted."""
        return len(self.trials)

    @property
    def n_train(self) -> int:
        """Size of the training set."""
        return self.n_in.size

    @property
    def n_test(self) -> int:
        """Size of the test set."""
        return self.test_correct.size


@dataclass(frozen=True, eq=False)
class BlockTally:
    """Counts for each pair of a block.

    Attributes:
        block: which pairs.
        correct_in: int32 [train, test], block.shape; trials that saw the train and were right on the test example.
        trials: which trials were counted.

    Raises:
        TallyError: `correct_in` has another shape or type, or there are more trials than int32 counts.
    """

    block: Block
    correct_in: NDArray[np.int32]
    trials: TrialSet

    def __post_init__(self) -> None:
        _expect(f"BlockTally {self.block.name} correct_in", self.correct_in, np.int32, self.block.shape)
        if len(self.trials) > _MAX_TRIALS:
            raise _inconsistent(f"BlockTally {self.block.name} has {len(self.trials)} trials, at most {_MAX_TRIALS}")

    @classmethod
    def empty(cls, block: Block) -> "BlockTally":
        """Return the tally of no trial: what `merge` leaves unchanged."""
        return cls(block, np.zeros(block.shape, dtype=np.int32), TrialSet())


def merge(a: Tally, b: Tally) -> Tally:
    """Add the counts of two tallies of different trials of the same data.

    Exact, associative and commutative; `empty` is neutral.

    Raises:
        TallyError: a trial is in both, so it would count twice; or sizes or blocks differ.
    """
    if isinstance(a, ExampleTally) and isinstance(b, ExampleTally):
        if (a.n_train, a.n_test) != (b.n_train, b.n_test):
            raise _different("data sets", f"{b.n_train} train and {b.n_test} test", f"{a.n_train} and {a.n_test}")
        return ExampleTally(
            a.trials.disjoint_union(b.trials),
            a.n_in + b.n_in,
            a.n_out + b.n_out,
            a.correct_in + b.correct_in,
            a.correct_out + b.correct_out,
            a.test_correct + b.test_correct,
        )
    if isinstance(a, BlockTally) and isinstance(b, BlockTally):
        if not a.block.same_pairs(b.block):
            got, expected = f"{b.block.name} {b.block.shape}", f"the pairs of {a.block.name} {a.block.shape}"
            raise _different("blocks", got, expected)
        return BlockTally(a.block, a.correct_in + b.correct_in, a.trials.disjoint_union(b.trials))
    raise _different("kinds of tally", type(b).__name__, type(a).__name__)


def _expect(what: str, array: NDArray[Any], dtype: type, shape: tuple[int, ...]) -> None:
    if array.dtype != np.dtype(dtype) or array.shape != shape:
        raise _inconsistent(f"{what} is {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}")


def _inconsistent(problem: str) -> TallyError:
    return TallyError(f"Tally is inconsistent: {problem}.", hint="count it again from the shards, or restore the file.")


def _different(what: str, got: str, expected: str) -> TallyError:
    return TallyError(
        f"Counts cannot be combined: the {what} differ, got {got}, expected {expected}.",
        hint="merge only tallies of the same data set, scope and block.",
    )
