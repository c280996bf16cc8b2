"""Tallies: exact integer counts over trials, which merge in any order to the same bytes.

For trial k with subset I_k and model h_k, and correctness 1[h_k(x) = y]:

    n_in[i]        = #{k : i in I_k}                          n_out[i]       = #{k : i not in I_k}
    correct_in[i]  = #{k : i in I_k, h_k(x_i) = y_i}          correct_out[i] = #{k : i not in I_k, h_k(x_i) = y_i}
    test_correct[j]  = #{k : h_k(x'_j) = y'_j}                correct_in[i, j] = #{k : i in I_k, h_k(x'_j) = y'_j}

and of a pair held out: correct_out[i, j] = test_correct[j] - correct_in[i, j].
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import TallyError
from mempipe.scores.blocks import Block, Scope, blocks_of
from mempipe.scores.trials import TrialSet

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
            got, wanted = f"{b.block.name} {b.block.shape}", f"the pairs of {a.block.name} {a.block.shape}"
            raise _different("blocks", got, wanted)
        return BlockTally(a.block, a.correct_in + b.correct_in, a.trials.disjoint_union(b.trials))
    raise _different("kinds of tally", type(b).__name__, type(a).__name__)


def _expect(what: str, array: NDArray[Any], dtype: type, shape: tuple[int, ...]) -> None:
    if array.dtype != np.dtype(dtype) or array.shape != shape:
        raise _inconsistent(f"{what} is {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}")


def _inconsistent(problem: str) -> TallyError:
    return TallyError(f"Tally is inconsistent: {problem}.", hint="count it again from the shards, or restore the file.")


def _different(what: str, got: str, wanted: str) -> TallyError:
    return TallyError(
        f"Counts cannot be combined: the {what} differ, got {got}, expected {wanted}.",
        hint="merge only tallies of the same data set, scope and block.",
    )
