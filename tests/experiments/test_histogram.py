"""Bins with exact edges."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mempipe.errors import InputError
from mempipe.experiments.histogram import bins_table, count_bins, edges_between, occupied

FIGURE_3 = [
    *(0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55),
    *(0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0),
]


def test_the_edges_of_figure_3() -> None:
    assert edges_between(0.15, 1, 0.05).tolist() == FIGURE_3


def test_edges_on_both_sides_of_zero() -> None:
    edges = edges_between(-1, 1, 0.01)
    assert edges.size == 201
    assert (edges[0], edges[100], edges[115], edges[-1]) == (-1, 0, 0.15, 1)


def test_a_width_that_does_not_divide_leaves_a_narrow_last_bin() -> None:
    assert edges_between(0.1, 1, 0.4).tolist() == [0.1, 0.5, 0.9, 1.0]
    assert edges_between(0.5, 1, 0.9).tolist() == [0.5, 1.0]


@pytest.mark.parametrize(("start", "stop", "width"), [(1, 1, 0.1), (0, 1, 0), (0, 1, -1), (float("nan"), 1, 0.1)])
def test_no_bins(start: float, stop: float, width: float) -> None:
    with pytest.raises(InputError, match="expected start < stop and width > 0"):
        edges_between(start, stop, width)


def test_each_edge_belongs_to_the_bin_on_its_right_but_for_the_last() -> None:
    edges = np.array(FIGURE_3)
    assert count_bins(edges, edges).tolist() == [1] * 16 + [2]
    below = np.nextafter(edges[1:], 0)
    assert count_bins(below, edges).tolist() == [1] * 17


@given(st.lists(st.one_of(st.sampled_from(FIGURE_3), st.floats(-1, 1), st.just(float("nan")))))
def test_plain_comparisons_count_the_same(values: list[float]) -> None:
    edges = FIGURE_3
    expected = [
        sum(1 for v in values if left <= v < right or (right == edges[-1] and v == right))
        for left, right in pairwise(edges)
    ]
    assert count_bins(np.array(values, dtype=np.float64), np.array(edges)).tolist() == expected
    assert sum(expected) == sum(1 for v in values if 0.15 <= v <= 1)


def test_the_occupied_part() -> None:
    edges, counts = occupied(np.arange(6.0), np.array([0, 2, 0, 3, 0]))
    assert (edges.tolist(), counts.tolist()) == ([1, 2, 3, 4], [2, 0, 3])
    edges, counts = occupied(np.arange(3.0), np.zeros(2, np.int64))
    assert (edges.tolist(), counts.tolist()) == ([0, 1, 2], [0, 0])


def test_the_table() -> None:
    table = bins_table("t", "influence", "pairs", np.array([0, 0.5, 1]), np.array([3, 4]))
    assert {name: column.values for name, column in table.columns.items()} == {
        "left": (0, 0.5),
        "right": (0.5, 1),
        "count": (3, 4),
    }
