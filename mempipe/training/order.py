"""The order in which a trial sees its examples: an endless stream of epochs, readable from any position."""

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
        self._seed = seed
        self._trial = trial
        n_words = -(-len(subset_mask) // 64)
        coins = raw_words(seed, Stream.AUGMENTATION, trial, 0, count=n_words).astype("<u8").view(np.uint8)
        self._coins = np.unpackbits(coins)[: len(subset_mask)].astype(np.bool_)
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

    def mirrored(self, start: int, stop: int, batch_size: int) -> NDArray[np.bool_]:
        """Return what alternating flip mirrors in the steps `start` to `stop - 1`, bool (stop - start, batch_size).

        A coin decides for each example's even epochs, and its odd epochs show the other side: a function of (seed,
        trial, example, epoch).
        """
        epochs = np.arange(start * batch_size, stop * batch_size) // len(self._subset_idx)
        odd = (epochs % 2 == 1).reshape(stop - start, batch_size)
        return np.asarray(self._coins[self.batches(start, stop, batch_size)] ^ odd)
