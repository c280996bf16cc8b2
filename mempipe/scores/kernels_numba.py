"""The two loops over packed bits, compiled: transpose them, and count common bits of words.

Compiled at the first call (about 1.5 s, once a process) and not cached on disk: numba's `cache=True` raises where
neither the package nor a home folder is writable, which is how containers run. The kernels release the GIL and start
no threads of their own: `count` runs them on plain threads. numba's `parallel=True` would compile twice as long and
brings a threading layer that aborts the process when used from two threads, or after a fork.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from mempipe.scores.kernels_numpy import WORD, Words

_ROWS: Final = 2
_UNROLL: Final = 4
_LANES: Final = 256
# Measured (Zen 5, AVX-512 and AVX2): 2 train examples x 4 words x 256 test examples keeps the tile in the nearest
# caches and each loaded word in use twice; 1 x 1 gives two thirds of its speed, 4 x 4 gives 1.08 of it.


def _popcount(_typing_context: Any, _word: Any) -> Any:
    """Return LLVM's ctpop: VPOPCNTQ, POPCNT or shuffles, whatever the machine has."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


popcount: Any = intrinsic(_popcount)


def _transpose_bits(rows: Words, words: Words) -> None:
    """Turn rows of trials into words of trials: bit t of `words[w, e]` is bit e of trial 64 * w + t.

    Args:
        rows: uint64 (64 * n_words, n_blocks); example 64 * b + k is bit k of `rows[:, b]`.
        words: uint64 (n_words, 64 * n_blocks), written whole.
    """
    square = np.empty(WORD, np.uint64)
    for w in range(words.shape[0]):
        for b in range(rows.shape[1]):
            for t in range(WORD):
                square[t] = rows[w * WORD + t, b]
            # Warren, Hacker's Delight, section 7-3: swap the off-diagonal halves of ever smaller squares.
            half = 32
            low = np.uint64(0xFFFFFFFF)
            while half > 0:
                shift = np.uint64(half)
                for k in range(WORD):
                    if k & half == 0:
                        swap = ((square[k] >> shift) ^ square[k + half]) & low
                        square[k] ^= swap << shift
                        square[k + half] ^= swap
                half >>= 1
                low ^= low << np.uint64(half)
            for e in range(WORD):
                words[w, b * WORD + e] = square[e]


def _add_common_bits(
    train_words: Words,
    test_words: Words,
    tr_idx: NDArray[np.int64],
    tt_idx: NDArray[np.int64],
    counts: NDArray[np.int32],
) -> None:
    """Add to `counts[i, j]` the number of bits set in both train example `tr_idx[i]` and test example `tt_idx[j]`.

    Args:
        train_words: uint64 (n_words, n >= max(tr_idx) + 1).
        test_words: uint64 (n_words, n >= max(tt_idx) + 1).
        tr_idx: int64 (n_tr,); not checked here.
        tt_idx: int64 (n_tt,); not checked here.
        counts: int32 (n_tr, n_tt), changed in place.
    """
    n_words, n_tr, n_tt = train_words.shape[0], tr_idx.size, tt_idx.size
    # Zeros pad rows and words, so that the inner loop has no remainder.
    n_padded = (n_words + _UNROLL - 1) // _UNROLL * _UNROLL
    rows = np.zeros((n_tr + _ROWS - 1, n_padded), np.uint64)
    for w in range(n_words):
        for i in range(n_tr):
            rows[i, w] = train_words[w, tr_idx[i]]
    tile = np.zeros((n_padded, _LANES), np.uint64)
    part = np.zeros((_ROWS, _LANES), np.int32)
    for first in range(0, n_tt, _LANES):
        width = min(_LANES, n_tt - first)
        for w in range(n_words):
            for j in range(width):
                tile[w, j] = test_words[w, tt_idx[first + j]]
        for i in range(0, n_tr, _ROWS):
            part[:] = 0
            for w in range(0, n_padded, _UNROLL):
                a0, a1, a2, a3 = rows[i, w], rows[i, w + 1], rows[i, w + 2], rows[i, w + 3]
                b0, b1, b2, b3 = rows[i + 1, w], rows[i + 1, w + 1], rows[i + 1, w + 2], rows[i + 1, w + 3]
                for j in range(_LANES):
                    t0, t1, t2, t3 = tile[w, j], tile[w + 1, j], tile[w + 2, j], tile[w + 3, j]
                    part[0, j] += np.int32(
                        popcount(a0 & t0) + popcount(a1 & t1) + popcount(a2 & t2) + popcount(a3 & t3)
                    )
                    part[1, j] += np.int32(
                        popcount(b0 & t0) + popcount(b1 & t1) + popcount(b2 & t2) + popcount(b3 & t3)
                    )
            for r in range(min(_ROWS, n_tr - i)):
                for j in range(width):
                    counts[i + r, first + j] += part[r, j]


transpose_bits: Callable[[Words, Words], None] = njit(nogil=True)(_transpose_bits)
add_common_bits: Callable[[Words, Words, NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]], None] = njit(
    nogil=True
)(_add_common_bits)
