"""Independent random streams from numpy's raw bit stream: the only part that numpy keeps stable."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Stream(IntEnum):
    """What a stream of randomness is for; the numbers are part of the run key's meaning and never change."""

    SUBSET = 0
    INITIALIZATION = 1
    ORDER = 2
    AUGMENTATION = 3
    SELECTION = 4
    TRAINER = 5


def raw_words(seed: int, stream: Stream, *path: int, count: int) -> NDArray[np.uint64]:
    """Return `count` raw 64-bit words of the stream `SeedSequence(seed, spawn_key=(stream, *path))`.

    Args:
        seed: the run's entropy.
        stream: what the words are for.
        path: the trial (or deal), then what lies below it, such as the epoch; for `SELECTION`, what is drawn.
        count: number of words.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(int(stream), *path))
    return np.random.PCG64(sequence).random_raw(count).astype(np.uint64, copy=False)


def stream_seed(seed: int, stream: Stream, *path: int) -> int:
    """Return a non-negative 31-bit seed for a library that takes one integer."""
    return int(raw_words(seed, stream, *path, count=1)[0] >> np.uint64(33))


def random_order(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the permutation that sorts `words`; equal words keep their order."""
    return np.argsort(words, kind="stable").astype(np.int64, copy=False)
