"""Learning rates at the corners that App. B names."""

from typing import Any

import numpy as np
import pytest

from mempipe.spec import Recipe
from mempipe.training.schedule import learning_rates, total_steps


def recipe(**keys: Any) -> Recipe:
    return Recipe.model_validate({"epochs": 10, "batch_size": 10, "learning_rate": 0.4} | keys)


@pytest.mark.parametrize(
    ("epochs", "size", "batch", "steps"), [(1, 10, 10, 1), (1, 11, 10, 2), (3, 11, 10, 4), (160, 35000, 512, 10938)]
)
def test_steps_are_the_nominal_epochs_rounded_up(epochs: int, size: int, batch: int, steps: int) -> None:
    assert total_steps(recipe(epochs=epochs, batch_size=batch), subset_size=size) == steps


def test_warmup_linear_rises_from_zero_in_15_percent_and_falls_back_to_zero() -> None:
    rates = learning_rates(recipe(), subset_size=100)
    assert rates.dtype == np.float32
    assert rates.shape == (100,)
    assert rates[0] == 0
    assert rates[15] == rates.max() == np.float32(0.4)
    np.testing.assert_allclose(np.diff(rates[:16]), 0.4 / 15, rtol=1e-5)
    np.testing.assert_allclose(np.diff(rates[15:]), -0.4 / 85, rtol=1e-4)
    assert rates[99] == np.float32(0.4 * 1 / 85)


def test_a_warmup_that_ends_between_two_steps_never_exceeds_the_base_rate() -> None:
    rates = learning_rates(recipe(epochs=1), subset_size=70)
    np.testing.assert_allclose(rates[:3], [0, 0.4 / 1.05, 0.4 * 5 / 5.95], rtol=1e-6)


def test_without_warmup_it_begins_at_the_base_rate() -> None:
    rates = learning_rates(recipe(schedule={"kind": "warmup_linear", "warmup": 0}), subset_size=100)
    np.testing.assert_allclose(rates, 0.4 * (100 - np.arange(100)) / 100, rtol=1e-6)


def test_imagenet_steps() -> None:
    """App. B: up to 0.7 in 15 of 100 epochs, then a tenth at epochs 30, 60 and 90."""
    imagenet = recipe(epochs=100, batch_size=896, learning_rate=0.7, schedule={"kind": "warmup_steps"})
    size = 8960
    rates = learning_rates(imagenet, subset_size=size)
    at = {epoch: float(rates[epoch * 10]) for epoch in (0, 15, 29, 30, 59, 60, 89, 90, 99)}
    assert at[0] == 0
    assert float(rates[149]) == pytest.approx(0.7 * 149 / 150)
    for epoch, rate in {15: 0.7, 29: 0.7, 30: 0.07, 59: 0.07, 60: 0.007, 89: 0.007, 90: 0.0007, 99: 0.0007}.items():
        assert at[epoch] == pytest.approx(rate), epoch
    assert float(rates[299]) == pytest.approx(0.7)


def test_a_decay_epoch_that_begins_inside_a_batch_acts_from_the_next_step_on() -> None:
    steps = {"kind": "warmup_steps", "warmup_epochs": 0, "decay_epochs": [1], "factor": 0.5}
    rates = learning_rates(recipe(epochs=2, schedule=steps), subset_size=25)
    np.testing.assert_allclose(rates, [0.4, 0.4, 0.4, 0.2, 0.2])


def test_constant() -> None:
    rates = learning_rates(recipe(schedule={"kind": "constant"}), subset_size=100)
    assert set(rates.tolist()) == {float(np.float32(0.4))}
