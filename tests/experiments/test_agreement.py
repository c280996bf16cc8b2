"""Jaccard similarity and mean difference against thresholds: closed forms, and two plain loops as the oracle."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from mempipe.errors import InputError
from mempipe.experiments.agreement import Agreement, agreement

SCORE = st.one_of(st.sampled_from([-1.0, 0.0, 0.15, 0.25, 0.3, 1.0, float("nan")]), st.floats(-1, 1))
GRIDS = st.lists(st.sampled_from([-1.0, 0.0, 0.15, 0.25, 0.3, 0.5, 1.0]), unique=True).map(sorted)


def oracle(grid: Any, a: Any, b: Any, may_a: Any, may_b: Any) -> list[tuple[int, int, int, int, float]]:
    """Sizes and sum of differences for each threshold, by sets."""
    result = []
    defined = [k for k in range(len(a)) if a[k] == a[k] and b[k] == b[k]]
    for theta in grid:
        first = {k for k in defined if a[k] >= theta and may_a[k]}
        second = {k for k in defined if b[k] >= theta and may_b[k]}
        difference = sum(abs(a[k] - b[k]) for k in sorted(first | second))
        result.append((len(first), len(second), len(first & second), len(first | second), difference))
    return result


def test_closed_form() -> None:
    """Sets {0, 1, 2} and {1, 2, 3} at 0.5, {2} and {2, 3} at 0.8, nothing at 1."""
    result = agreement([0.5, 0.8, 1.0], np.array([0.5, 0.6, 0.9, 0.1, 0.0]), np.array([0.25, 0.5, 0.8, 0.9, 0.0]))
    assert result.n_first.tolist() == [3, 1, 0]
    assert result.n_second.tolist() == [3, 2, 0]
    assert result.n_both.tolist() == [2, 1, 0]
    assert result.n_either.tolist() == [4, 2, 0]
    np.testing.assert_array_equal(result.jaccard, [0.5, 0.5, np.nan])
    np.testing.assert_allclose(result.mean_difference, [(0.25 + 0.1 + 0.1 + 0.8) / 4, (0.1 + 0.8) / 2, np.nan])
    assert result.at(0.8) == 1
    with pytest.raises(KeyError):
        result.at(0.7)


def test_equal_estimates_agree_fully() -> None:
    scores = np.linspace(-1, 1, 41).reshape(1, 41)
    result = agreement([-1, 0, 1], scores, scores)
    assert result.jaccard.tolist() == [1, 1, 1]
    assert result.mean_difference.tolist() == [0, 0, 0]
    assert result.n_first.tolist() == [41, 21, 1]


def test_what_is_not_allowed_by_one_may_be_in_the_other() -> None:
    """Eq. 4's union: the pair is in I' alone, and counts with its own difference."""
    result = agreement(
        [0.15],
        np.array([[0.9], [0.5]]),
        np.array([[0.5], [0.5]]),
        first_allowed=np.array([[False], [False]]),
        second_allowed=np.array([[True], [False]]),
    )
    assert (result.n_first[0], result.n_second[0], result.n_both[0], result.n_either[0]) == (0, 1, 0, 1)
    assert result.jaccard[0] == 0
    assert result.mean_difference[0] == 0.4


def test_a_score_that_is_missing_is_in_no_set() -> None:
    result = agreement([0.0], np.array([np.nan, 1, np.nan, 1]), np.array([1, np.nan, np.nan, 1]))
    assert (result.n_undefined, result.n_first[0], result.n_second[0], result.n_either[0]) == (3, 1, 1, 1)


def test_no_scores_and_no_thresholds() -> None:
    empty = np.empty(0)
    assert np.isnan(agreement([0.5], empty, empty).jaccard).all()
    assert np.isnan(Agreement.empty([0.5]).mean_difference).all()
    assert agreement([], np.ones(3), np.ones(3)).jaccard.shape == (0,)


@given(st.data(), GRIDS, st.integers(0, 12))
def test_two_loops_find_the_same(data: st.DataObject, grid: list[float], n: int) -> None:
    a, b = (data.draw(npst.arrays(np.float64, n, elements=SCORE)) for _ in range(2))
    may_a, may_b = (data.draw(npst.arrays(np.bool_, n)) for _ in range(2))
    result = agreement(grid, a, b, first_allowed=may_a, second_allowed=may_b)
    expected = oracle(grid, a, b, may_a, may_b)
    counts = zip(result.n_first, result.n_second, result.n_both, result.n_either, strict=True)
    assert [tuple(map(int, row)) for row in counts] == [row[:4] for row in expected]
    np.testing.assert_allclose(result.difference, [row[4] for row in expected], atol=1e-12)
    assert result.n_undefined == sum(1 for x, y in zip(a, b, strict=True) if x != x or y != y)


@given(st.data(), GRIDS, st.integers(0, 12), st.integers(0, 12))
def test_parts_add_up(data: st.DataObject, grid: list[float], n: int, cut: int) -> None:
    a, b = (data.draw(npst.arrays(np.float64, n, elements=SCORE)) for _ in range(2))
    whole, parts = agreement(grid, a, b), agreement(grid, a[:cut], b[:cut]) + agreement(grid, a[cut:], b[cut:])
    for name in ("n_first", "n_second", "n_both", "n_either", "n_undefined", "thresholds"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    np.testing.assert_allclose(parts.difference, whole.difference, atol=1e-12)
    neutral = whole + Agreement.empty(grid)
    np.testing.assert_array_equal(neutral.difference, whole.difference)


@given(st.data(), GRIDS, st.integers(0, 12))
def test_neither_estimate_is_the_first(data: st.DataObject, grid: list[float], n: int) -> None:
    a, b = (data.draw(npst.arrays(np.float64, n, elements=SCORE)) for _ in range(2))
    one, other = agreement(grid, a, b), agreement(grid, b, a)
    np.testing.assert_array_equal(one.jaccard, other.jaccard)
    np.testing.assert_array_equal(one.mean_difference, other.mean_difference)
    np.testing.assert_array_equal(one.n_first, other.n_second)


def test_what_cannot_be_compared() -> None:
    for grid in ([0.5, 0.5], [0.5, 0.1], [float("nan")]):
        with pytest.raises(InputError, match="expected ascending numbers"):
            Agreement.empty(grid)
    with pytest.raises(InputError, match=r"shapes are \(2,\), expected \(3,\)"):
        agreement([0.5], np.ones(3), np.ones(2))
    with pytest.raises(InputError, match=r"thresholds are \[0.2\], expected \[0.1\]"):
        Agreement.empty([0.1]) + Agreement.empty([0.2])
