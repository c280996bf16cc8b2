"""Predictions in a wrong order are told from those in the data set's order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mempipe.validation.order import compare_orders, is_reordered

N, N_CLASSES = 600, 10


def world(seed: int, *, accuracy: float) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """Labels, which examples a trial saw, and predictions: right on those, and on others with a given rate."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, N_CLASSES, N)
    seen = rng.permutation(N) < N // 4
    others = rng.integers(0, N_CLASSES, N)
    return labels, seen, np.where(seen | (rng.random(N) < accuracy), labels, others)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), accuracy=st.sampled_from([0.0, 0.5, 0.9]))
def test_an_order_that_fits(seed: int, accuracy: float) -> None:
    labels, seen, predictions = world(seed, accuracy=accuracy)
    test = compare_orders({"prediction": predictions, "correct": predictions == labels}, labels, seen)
    assert test.accuracy == 1
    assert test.fits
    if accuracy == 0.9:
        return  # so many are right anyway that correctness alone may not show it
    by_correctness = compare_orders({"correct": predictions == labels}, labels, seen)
    assert by_correctness.accuracy == 1
    assert by_correctness.fits


@pytest.mark.parametrize("names", [("prediction", "correct"), ("correct",)])
def test_a_constant_wrong_order(names: tuple[str, ...]) -> None:
    """Of 200 wrong orders about one in 201 passes; six of them have a chance below 1 in 1,000."""
    n_passed = 0
    for seed in range(200):
        labels, seen, predictions = world(seed, accuracy=0.5)
        order = np.random.default_rng(seed + 10**6).permutation(N)
        given = {"prediction": predictions[order], "correct": (predictions == labels)[order]}
        n_passed += compare_orders({name: given[name] for name in names}, labels, seen).fits
    assert n_passed < 6


def test_other_faults_that_do_not_fit() -> None:
    """Classes numbered otherwise, one class for all, order shifted by one."""
    labels, seen, predictions = world(1, accuracy=0.9)
    for wrong in ((predictions + 1) % N_CLASSES, np.zeros_like(predictions), np.roll(predictions, 1)):
        assert not compare_orders({"prediction": wrong, "correct": wrong == labels}, labels, seen).fits


def test_the_same_predictions_in_another_order() -> None:
    labels, _, predictions = world(2, accuracy=0.5)
    order = np.random.default_rng(3).permutation(N)

    def outcomes(values: NDArray[np.int64]) -> dict[str, NDArray[np.generic]]:
        return {"prediction": values, "correct": values == labels}

    other = predictions.copy()
    other[0] = (other[0] + 1) % N_CLASSES
    assert is_reordered(outcomes(predictions), outcomes(predictions[order]))
    assert not is_reordered(outcomes(predictions), outcomes(predictions))
    assert not is_reordered(outcomes(predictions), outcomes(other))
    swapped = predictions.copy()
    swapped[[0, np.argmax(predictions != predictions[0])]] = predictions[[np.argmax(predictions != predictions[0]), 0]]
    assert not is_reordered(outcomes(predictions), outcomes(swapped))  # as two trainings may differ
    correct = predictions == labels
    assert is_reordered({"correct": correct}, {"correct": correct[order]})
