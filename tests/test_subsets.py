"""The subset designs keep their promises, and golden hashes hold them for ever."""

import hashlib
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mempipe.errors import SpecError
from mempipe.spec import Subsets
from mempipe.subsets import Stream, raw_words, stream_seed, subset_mask, subset_size

UNIFORM = Subsets(design="uniform", ratio=Decimal("0.7"))
BALANCED = Subsets(design="balanced", ratio=Decimal("0.7"))


def masks(subsets: Subsets, *, n_train: int, seed: int, trials: range) -> np.ndarray:
    return np.stack([subset_mask(subsets, n_train=n_train, seed=seed, trial=trial) for trial in trials])


def digest(rows: np.ndarray) -> str:
    return hashlib.sha256(np.packbits(rows, axis=1, bitorder="little").tobytes()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("subsets", "golden"),
    [(UNIFORM, "9954c70728dd1d06"), (BALANCED, "8a51beaf098ae209")],
)
def test_golden_masks(subsets: Subsets, golden: str) -> None:
    assert digest(masks(subsets, n_train=1437, seed=20, trials=range(25))) == golden


def test_golden_words() -> None:
    words = raw_words(0, Stream.SUBSET, 3, count=2)
    assert [int(word) for word in words] == [102324644183451488, 7136238741196141342]
    assert stream_seed(0, Stream.INITIALIZATION, 3) == 1433758986


def test_streams_and_trials_are_independent() -> None:
    words = {
        tuple(raw_words(seed, stream, trial, count=2).tolist())
        for seed in (0, 1)
        for stream in Stream
        for trial in range(3)
    }
    assert len(words) == 2 * len(Stream) * 3


@pytest.mark.parametrize(
    ("n", "ratio", "m"), [(10, "0.7", 7), (1437, "0.7", 1005), (50000, "0.7", 35000), (3, "0.5", 1)]
)
def test_subset_size_is_the_floor_in_exact_arithmetic(n: int, ratio: str, m: int) -> None:
    assert subset_size(Subsets(ratio=Decimal(ratio)), n) == m


def test_floating_point_would_lose_an_example() -> None:
    n = next(n for n in range(1, 10_000) if int(0.7 * n) != n * 7 // 10)
    assert subset_size(Subsets(ratio=Decimal("0.7")), n) == n * 7 // 10


@pytest.mark.parametrize(("n", "ratio"), [(1, "0.7"), (3, "0.1")])
def test_an_empty_subset_is_refused(n: int, ratio: str) -> None:
    with pytest.raises(SpecError, match=f"of {n} training examples is 0"):
        subset_size(Subsets(ratio=Decimal(ratio)), n)


@settings(max_examples=50, deadline=None)
@given(n=st.integers(3, 400), tenths=st.integers(1, 9), seed=st.integers(0, 2**64 - 1), trial=st.integers(0, 10**6))
def test_uniform_has_exactly_m(n: int, tenths: int, seed: int, trial: int) -> None:
    ratio = Decimal(tenths) / 10
    if 0 < n * tenths // 10 < n:
        mask = subset_mask(Subsets(ratio=ratio), n_train=n, seed=seed, trial=trial)
        assert mask.sum() == n * tenths // 10


@settings(max_examples=30, deadline=None)
@given(n=st.integers(10, 700), tenths=st.integers(1, 9), seed=st.integers(0, 2**32), deal=st.integers(0, 1000))
def test_balanced_puts_every_example_in_k_of_each_deal(n: int, tenths: int, seed: int, deal: int) -> None:
    subsets = Subsets(design="balanced", ratio=Decimal(tenths) / 10)
    rows = masks(subsets, n_train=n, seed=seed, trials=range(deal * 10, deal * 10 + 10))
    assert (rows.sum(axis=0) == tenths).all()


def test_balanced_uses_every_way_equally_often() -> None:
    rows = masks(BALANCED, n_train=250, seed=1, trials=range(10))
    _, counts = np.unique(rows.T, axis=0, return_counts=True)
    assert len(counts) == 120
    assert set(counts) <= {2, 3}


@pytest.mark.parametrize("subsets", [UNIFORM, BALANCED])
def test_pairs_of_examples_are_not_tied(subsets: Subsets) -> None:
    """How often two examples are together over 2,000 trials is binomial-like: no pair is tied or shunned.

    Expected 0.7 * 0.7 (nearly); the largest of 1,225 deviations exceeds 6 standard deviations with probability
    below 1e-5.
    """
    n, t = 50, 2000
    rows = masks(subsets, n_train=n, seed=5, trials=range(t)).astype(np.int64)
    together = (rows.T @ rows)[np.triu_indices(n, 1)] / t
    expected = 0.7 * (0.7 * n - 1) / (n - 1)
    assert np.abs(together - expected).max() < 6 * np.sqrt(expected * (1 - expected) / t)


def test_uniform_inclusion_is_uniform() -> None:
    """Each example is in 70 % of the subsets; chi-squared over 200 examples stays within 6 standard deviations."""
    n, t = 200, 1000
    counts = masks(UNIFORM, n_train=n, seed=3, trials=range(t)).sum(axis=0)
    chi_squared = ((counts - 0.7 * t) ** 2 / (t * 0.21)).sum() * (n - 1) / n
    assert abs(chi_squared - (n - 1)) < 6 * np.sqrt(2 * (n - 1))
