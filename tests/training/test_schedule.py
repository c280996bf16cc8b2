"""Learning rates at the corners that App. B names."""

from typing import Any

import numpy as np
import pytest

from mempipe.spec import Recipe
from mempipe.training.schedule import SizedSteps, learning_rates, sized_steps, total_steps


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


def test_cosine_rises_in_its_warmup_and_falls_by_half_a_period() -> None:
    """At the middle of what follows the warm-up the rate is halfway between the base rate and the final one."""
    rates = learning_rates(recipe(schedule={"kind": "cosine", "warmup": 0.2, "final": 0.1}), subset_size=100)
    np.testing.assert_allclose(rates[:21], 0.4 * np.arange(21) / 20, rtol=1e-6)
    position = (np.arange(20, 100) - 20) / 80
    np.testing.assert_allclose(rates[20:], 0.4 * (0.1 + 0.9 * np.cos(np.pi * position / 2) ** 2), rtol=1e-6)
    assert rates[60] == pytest.approx(0.4 * 0.55)
    plain = learning_rates(recipe(schedule={"kind": "cosine"}), subset_size=100)
    assert plain[0] == np.float32(0.4)
    assert plain[50] == pytest.approx(0.2)
    np.testing.assert_allclose(plain[1:] + plain[:0:-1], 0.4, rtol=1e-6)  # odd around its middle


def test_triangular_has_three_corners() -> None:
    """Jordan 2024: from 0.2 up to 1 at 23 % of the steps, and down to 0.07."""
    rates = learning_rates(recipe(schedule={"kind": "triangular"}), subset_size=100)
    np.testing.assert_allclose(rates[:24], 0.4 * (0.2 + 0.8 * np.arange(24) / 23), rtol=1e-6)
    np.testing.assert_allclose(rates[23:], 0.4 * (1 - 0.93 * np.arange(77) / 77), rtol=1e-6)
    only_down = {"kind": "triangular", "start": 0.5, "peak": 0, "final": 0}
    np.testing.assert_allclose(
        learning_rates(recipe(schedule=only_down), subset_size=100), 0.4 * (100 - np.arange(100)) / 100, rtol=1e-6
    )


def test_sizes_begin_with_the_first_batch_of_their_epochs() -> None:
    """25 examples in batches of 10: epoch 2 begins at example 50, epoch 3 at 75, inside of step 7."""
    sizes = [{"epochs": 2, "size": 4}, {"epochs": 1, "size": 5}, {"epochs": 2, "size": 6}]
    sized = sized_steps(recipe(epochs=5, sizes=sizes), subset_size=25)
    assert [(part.start, part.stop, part.size) for part in sized] == [(0, 5, 4), (5, 8, 5), (8, 13, 6)]
    assert sized_steps(recipe(epochs=5), subset_size=25) == [SizedSteps(0, 13, None)]
