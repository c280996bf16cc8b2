"""From packed rows of trials to words along the trials, a bounded chunk at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mempipe.bits import packed_width
from mempipe.errors import TallyError
from mempipe.scores.kernels import WORD, Words, transpose_bits
from mempipe.scores.tally import TrialBatch

_MOST_TRIALS: Final = 2048
_CHUNK_BYTES: Final = 256 * 2**20


@dataclass(frozen=True, eq=False)
class WordChunk:
    """Some trials of the stream, their bits along the trials; bits of trials beyond the last are 0.

    Examples are padded to a multiple of 64; what lies beyond the last one (spare bits of the packed rows) is not to be
    read, so spare bits count nowhere.

    Attributes:
        trials: int64 (c,), in the stream's order.
        subset_mask, train_correct: uint64 (ceil(c / 64), >= n_train); `train_correct` may have no words.
        test_correct: uint64 (ceil(c / 64), >= n_test).
    """

    trials: NDArray[np.int64]
    subset_mask: Words
    train_correct: Words
    test_correct: Words


def read_words(batches: Iterable[TrialBatch], *, n_train: int, n_test: int, with_train: bool) -> Iterator[WordChunk]:
    """Gather batches of any size into chunks of equal size and transpose them.

    A chunk has as many trials as fit 256 MiB, but at least 64 and at most 2048.

    Args:
        batches: read one after the other; none is kept.
        n_train: size of the training set.
        n_test: size of the test set.
        with_train: whether to gather the correctness of train examples.

    Raises:
        TallyError: a batch is of another data set, or its arrays contradict each other.
    """
    capacity = _capacity(n_train, n_test)
    ids = np.empty(capacity, dtype=np.int64)
    mask, test = _BitRows(capacity, n_train), _BitRows(capacity, n_test)
    train = _BitRows(capacity if with_train else 0, n_train)
    filled = 0
    for batch in batches:
        _check(batch, n_train, n_test)
        c, start = len(batch.trials), 0
        while start < c:
            take = min(c - start, capacity - filled)
            target, source = slice(filled, filled + take), slice(start, start + take)
            ids[target] = batch.trials[source]
            mask.put(target, batch.subset_mask[source])
            test.put(target, batch.test["correct"][source])
            if with_train:
                train.put(target, batch.train["correct"][source])
            filled, start = filled + take, start + take
            if filled == capacity:
                yield WordChunk(ids.copy(), mask.words(filled), train.words(filled), test.words(filled))
                filled = 0
    if filled:
        yield WordChunk(ids[:filled].copy(), mask.words(filled), train.words(filled), test.words(filled))


class _BitRows:
    """A buffer of packed rows, padded to whole words of 64 examples."""

    def __init__(self, capacity: int, n: int) -> None:
        self.rows = np.zeros((capacity, -(-n // WORD) * (WORD // 8)), dtype=np.uint8)

    def put(self, target: slice, packed: NDArray[np.uint8]) -> None:
        """Copy packed rows."""
        self.rows[target, : packed.shape[1]] = packed

    def words(self, filled: int) -> Words:
        """Transpose the first `filled` rows."""
        n_words = -(-filled // WORD) if len(self.rows) else 0
        self.rows[filled : n_words * WORD] = 0
        little = self.rows[: n_words * WORD].view("<u8").astype(np.uint64, copy=False)
        words = np.empty((n_words, little.shape[1] * WORD), dtype=np.uint64)
        transpose_bits(little, words)
        return words


def _capacity(n_train: int, n_test: int) -> int:
    """Return how many trials a chunk takes: rows and words of mask, train and test, each n / 8 bytes a trial."""
    bytes_of_word = WORD * 2 * (2 * packed_width(n_train) + packed_width(n_test))
    return int(np.clip(_CHUNK_BYTES // max(1, bytes_of_word), 1, _MOST_TRIALS // WORD)) * WORD


def _check(batch: TrialBatch, n_train: int, n_test: int) -> None:
    c = len(batch.trials)
    if batch.trials.dtype != np.int64 or batch.trials.ndim != 1:
        raise _foreign("trials", f"{batch.trials.dtype} {batch.trials.shape}", "int64 (c,)")
    for name, array, n in (
        ("subset_mask", batch.subset_mask, n_train),
        ("train correct", batch.train["correct"], n_train),
        ("test correct", batch.test["correct"], n_test),
    ):
        shape = (c, packed_width(n))
        if array.dtype != np.uint8 or array.shape != shape:
            raise _foreign(name, f"{array.dtype} {array.shape}", f"uint8 {shape}")


def _foreign(field: str, got: str, expected: str) -> TallyError:
    return TallyError(
        f"Trials cannot be counted: batch {field} is {got}, expected {expected}.",
        hint="the shard is of another data set, or its bits are not packed along the examples.",
    )
