"""The two loops over packed bits in plain numpy, for where numba is absent."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

WORD: Final = 64
"""Trials in a word."""

_COLUMNS: Final = 2048
"""Test examples at once: with the trials of a chunk, 16 MiB of float32."""


def transpose_bits(rows: Words, words: Words) -> None:
    """Turn rows of trials into words of trials: bit t of `words[w, e]` is bit e of trial 64 * w + t.

    Args:
        rows: uint64 (64 * n_words, n_blocks); example 64 * b + k is bit k of `rows[:, b]`.
        words: uint64 (n_words, 64 * n_blocks), written whole.
    """
    for w in range(words.shape[0]):
        square = np.ascontiguousarray(rows[w * WORD : (w + 1) * WORD], dtype="<u8")
        bits = np.unpackbits(square.view(np.uint8), axis=1, bitorder="little")
        packed = np.packbits(bits, axis=0, bitorder="little")
        words[w] = np.ascontiguousarray(packed.T).view("<u8")[:, 0]


def add_common_bits(
    train_words: Words,
    test_words: Words,
    tr_idx: NDArray[np.int64],
    tt_idx: NDArray[np.int64],
    counts: NDArray[np.int32],
) -> None:
    """Add to `counts[i, j]` the number of bits set in both train example `tr_idx[i]` and test example `tt_idx[j]`.

    A matrix product of zeros and ones in float32, which is exact up to 2**24 trials, far above those of a chunk.

    Args:
        train_words: uint64 (n_words, n >= max(tr_idx) + 1).
        test_words: uint64 (n_words, n >= max(tt_idx) + 1).
        tr_idx: int64 (n_tr,); not checked here.
        tt_idx: int64 (n_tt,); not checked here.
        counts: int32 (n_tr, n_tt), changed in place.
    """
    train = _bits(train_words, tr_idx)
    for first in range(0, tt_idx.size, _COLUMNS):
        part = slice(first, first + _COLUMNS)
        counts[:, part] += (train @ _bits(test_words, tt_idx[part]).T).astype(np.int32)


def _bits(words: Words, idx: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the bits of some examples, float32 (n, 64 * n_words)."""
    own = np.ascontiguousarray(words[:, idx].T, dtype="<u8")
    bits: NDArray[np.float32] = np.unpackbits(own.view(np.uint8), axis=1).astype(np.float32)
    return bits
