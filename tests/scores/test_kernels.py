"""The compiled loops and those in numpy give the same bits and counts, and are chosen by what is installed."""

import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mempipe.scores import kernels_numba, kernels_numpy
from mempipe.scores.kernels_numpy import WORD


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_words=st.integers(0, 5), n_blocks=st.integers(0, 4))
def test_transposing_gives_the_same_words(seed: int, n_words: int, n_blocks: int) -> None:
    rows = np.random.default_rng(seed).integers(0, 2**64, (n_words * WORD, n_blocks), dtype=np.uint64)
    shape = (n_words, n_blocks * WORD)
    compiled, plain = np.empty(shape, dtype=np.uint64), np.empty(shape, dtype=np.uint64)
    kernels_numba.transpose_bits(rows, compiled)
    kernels_numpy.transpose_bits(rows, plain)
    assert np.array_equal(compiled, plain)
    if rows.size:
        bit = int(np.random.default_rng(seed).integers(0, shape[1]))
        trials = (rows[:, bit // WORD] >> np.uint64(bit % WORD)) & np.uint64(1)
        assert int(plain[0, bit]) == sum(int(value) << t for t, value in enumerate(trials[:WORD]))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_words=st.integers(0, 9),
    n_train=st.integers(0, 20),
    n_test=st.sampled_from([0, 1, 255, 257, 2048, 2049]),
)
def test_counting_gives_the_same_counts(seed: int, n_words: int, n_train: int, n_test: int) -> None:
    random = np.random.default_rng(seed)
    train, test = (random.integers(0, 2**64, (n_words, n), dtype=np.uint64) for n in (30, 2100))
    tr_idx, tt_idx = np.sort(random.permutation(30)[:n_train]), np.sort(random.permutation(2100)[:n_test])
    begun = random.integers(0, 9, (n_train, n_test), dtype=np.int32)
    compiled, plain = begun.copy(), begun.copy()
    kernels_numba.add_common_bits(train, test, tr_idx, tt_idx, compiled)
    kernels_numpy.add_common_bits(train, test, tr_idx, tt_idx, plain)
    common = np.bitwise_count(train[:, tr_idx, None] & test[:, None, tt_idx]).sum(axis=0, dtype=np.int32)
    assert np.array_equal(compiled, begun + common)
    assert np.array_equal(plain, compiled)


def test_numpy_counts_where_numba_is_absent() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from mempipe.scores import count, kernels, kernels_numpy, words\n"
        "assert count.add_common_bits is kernels.add_common_bits is kernels_numpy.add_common_bits\n"
        "assert words.transpose_bits is kernels_numpy.transpose_bits\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
