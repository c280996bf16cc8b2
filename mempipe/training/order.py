"""The order in which a trial sees its examples: an endless stream of epochs, readable from any position."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mempipe.subsets import Stream, random_order, raw_words


class ExampleOrder:
    """The endless stream of a trial's examples: permutations of its subset, epoch after epoch.

    Step s of batch size B takes the positions [s * B, (s + 1) * B): an epoch may end inside a batch, no example is
    dropped, and every batch is full, also in the balanced design, where subset sizes differ by a few.

    Args:
        subset_mask: bool (n_train,); the trial's subset.
        seed: the run's entropy.
        trial: the trial.
    """

    def __init__(self, subset_mask: NDArray[np.bool_], *, seed: int, trial: int) -> None:
        self._subset_idx = np.flatnonzero(subset_mask)
        self._n_train = len(subset_mask)
        self._seed = seed
        self._trial = trial
        self._latest: tuple[int, NDArray[np.int64]] | None = None

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the subset in the order of one epoch, int64 (m,): positions in the data set's own order."""
        if self._latest is None or self._latest[0] != number:
            words = raw_words(self._seed, Stream.ORDER, self._trial, number, count=len(self._subset_idx))
            self._latest = number, self._subset_idx[random_order(words)]
        return self._latest[1]

    def take(self, start: int, count: int) -> NDArray[np.int64]:
        """Return the examples at the stream's positions `start` to `start + count - 1`, int64 (count,)."""
        examples = np.empty(count, dtype=np.int64)
        filled = 0
        while filled < count:
            number, offset = divmod(start + filled, len(self._subset_idx))
            part = self.epoch(number)[offset : offset + count - filled]
            examples[filled : filled + len(part)] = part
            filled += len(part)
        return examples

    def batches(self, start: int, stop: int, batch_size: int) -> NDArray[np.int64]:
        """Return the examples of the steps `start` to `stop - 1`, int64 (stop - start, batch_size)."""
        return self.take(start * batch_size, (stop - start) * batch_size).reshape(stop - start, batch_size)

    def mirrored(self, batches: NDArray[np.int64], start: int) -> NDArray[np.bool_]:
        """Return which images of some steps alternating flip mirrors.

        A coin decides for each example's even epochs, and its odd epochs show the other side: a function of (seed,
        trial, example, epoch).

        Args:
            batches: int64 (steps, batch_size); what `batches` gave for these steps.
            start: the first of them.

        Returns:
            bool (steps, batch_size).
        """
        places = start * batches.shape[1] + np.arange(batches.size)
        odd = (places // len(self._subset_idx) % 2 == 1).reshape(batches.shape)
        return np.asarray(self._coins[batches] ^ odd)

    @cached_property
    def _coins(self) -> NDArray[np.bool_]:
        """One for each training example, bool (n_train,)."""
        words = raw_words(self._seed, Stream.AUGMENTATION, self._trial, 0, count=-(-self._n_train // 64))
        return np.unpackbits(words.astype("<u8").view(np.uint8))[: self._n_train].astype(np.bool_)
