"""The stream of examples: whole epochs, from any position, the same on every machine."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mempipe.training.order import ExampleOrder

MASK = np.random.default_rng(0).random(50) < 0.7


def order(*, seed: int = 1, trial: int = 2) -> ExampleOrder:
    return ExampleOrder(MASK, seed=seed, trial=trial)


def test_each_epoch_holds_each_example_of_the_subset_exactly_once() -> None:
    m = int(MASK.sum())
    stream = order().take(0, 3 * m).reshape(3, m)
    for epoch in stream:
        np.testing.assert_array_equal(np.sort(epoch), np.flatnonzero(MASK))
    assert not np.array_equal(stream[0], stream[1])


def test_a_batch_may_cross_epochs_and_nothing_is_dropped() -> None:
    m = int(MASK.sum())
    batches = order().batches(0, m, 9)
    assert batches.shape == (m, 9)
    examples, counts = np.unique(batches, return_counts=True)
    np.testing.assert_array_equal(examples, np.flatnonzero(MASK))
    assert set(counts.tolist()) == {9}


@given(start=st.integers(0, 300), count=st.integers(0, 200))
def test_any_part_of_the_stream_is_that_part_of_the_whole(start: int, count: int) -> None:
    np.testing.assert_array_equal(order().take(start, count), order().take(0, 500)[start : start + count])


def test_a_subset_smaller_than_a_batch_is_repeated() -> None:
    three = ExampleOrder(np.arange(10) < 3, seed=0, trial=0)
    batch = three.batches(0, 1, 7)[0]
    np.testing.assert_array_equal(np.sort(batch[:3]), [0, 1, 2])
    np.testing.assert_array_equal(np.sort(batch[3:6]), [0, 1, 2])


@pytest.mark.parametrize("other", [{"seed": 2}, {"trial": 3}])
def test_other_seeds_and_trials_have_other_orders(other: dict[str, int]) -> None:
    assert not np.array_equal(order().epoch(0), order(**other).epoch(0))


def test_the_order_never_changes_between_versions() -> None:
    digest = hashlib.sha256(order().take(0, 100).astype("<i8").tobytes()).hexdigest()
    assert digest[:16] == "b5e13348863eba84"


def test_the_coins_never_change_between_versions() -> None:
    mirrored = order().mirrored(order().batches(3, 40, 7), 3)
    assert hashlib.sha256(mirrored.tobytes()).hexdigest()[:16] == "f3956456248deedc"
