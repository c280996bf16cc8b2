"""Standard errors are never 0, are as large as the errors are, and the lemma's bound is the paper's."""

import math

import numpy as np
import pytest

from mempipe.errors import EmptyTallyError, InputError
from mempipe.scores.estimate import (
    METHOD,
    difference_standard_error,
    influence,
    influence_standard_error,
    lemma_2_1_bound,
    memorization,
    memorization_standard_error,
)
from mempipe.scores.tally import ExampleTally
from tests.scores import oracle
from tests.scores.worlds import World, examples_of, pairs_of, random_world, uniform_masks


@pytest.mark.parametrize("size", [(1, 9, 3), (3, 7, 8), (64, 13, 9)], ids=str)
@pytest.mark.parametrize("accuracy", [0.0, 0.6, 1.0])
def test_standard_errors_are_those_of_two_loops(size: tuple[int, int, int], accuracy: float) -> None:
    world = random_world(*size, seed=sum(size), accuracy=accuracy)
    mask, train, test = world.mask.tolist(), world.train.tolist(), world.test.tolist()
    examples, pairs = examples_of(world), pairs_of(world)
    np.testing.assert_array_equal(
        memorization_standard_error(examples), oracle.memorization_standard_error(mask, train)
    )
    expected = oracle.influence_standard_error(mask, test)
    np.testing.assert_array_equal(influence_standard_error(pairs, examples), expected)
    rows = np.array([2, 1])
    np.testing.assert_array_equal(influence_standard_error(pairs, examples, rows), np.array(expected)[rows])


@pytest.mark.parametrize(("accuracy_in", "accuracy_out"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_it_is_never_0_where_every_trial_agrees(accuracy_in: int, accuracy_out: int) -> None:
    n_in, n_out = np.array([1, 7, 1400, 10**6]), np.array([1, 3, 600, 10**6])
    errors = difference_standard_error(accuracy_in * n_in, n_in, accuracy_out * n_out, n_out)
    assert (errors > 0).all()
    assert (np.diff(errors) < 0).all()
    assert METHOD == "agresti-caffo"


def test_it_is_undefined_where_the_score_is() -> None:
    world = random_world(20, 4, 3, seed=4, ratio=0.5)
    world.mask[:, 1] = True
    world.mask[:, 2] = False
    examples, pairs = examples_of(world), pairs_of(world)
    assert np.array_equal(np.isnan(memorization_standard_error(examples)), np.isnan(memorization(examples)))
    assert np.array_equal(np.isnan(influence_standard_error(pairs, examples)), np.isnan(influence(pairs, examples)))
    with pytest.raises(EmptyTallyError):
        memorization_standard_error(ExampleTally.empty(4, 3))


@pytest.mark.parametrize(
    ("when_out", "effect", "expected"), [(0.5, 0.0, 0.943), (0.2, 0.6, 0.943), (0.95, 0.05, 0.948), (0.02, 0.3, 0.960)]
)
def test_it_is_calibrated_for_independent_trials(when_out: float, effect: float, expected: float) -> None:
    """200 trials at ratio 0.7; 4,000 test examples, each influenced by one train example by `effect`.

    `expected` is the share of scores within 1.96 standard errors of the truth (nominally 0.95) by exact enumeration:
    n_in binomial (200, 0.7), the two counts binomial given n_in. The share's standard deviation is at most 0.0045 (of
    4,000 outcomes, and of 40 values of n_in), so a new seed leaves 0.02 around it with a probability below 1e-4 in all
    four cases together. Standard errors that were 20 % too small would give 0.87 to 0.91.
    """
    rng = np.random.default_rng(2008)
    n_train, n_test = 40, 4000
    mask = uniform_masks(200, n_train, 28, rng)
    driver = np.arange(n_test) % n_train
    test = rng.random((200, n_test)) < when_out + effect * mask[:, driver]
    world = World(mask, np.zeros_like(mask), test)
    examples, pairs = examples_of(world), pairs_of(world)
    j = np.arange(n_test)
    error = influence(pairs, examples)[driver, j] - effect
    within = float(np.mean(np.abs(error) <= 1.96 * influence_standard_error(pairs, examples)[driver, j]))
    assert abs(within - expected) <= 0.02


def test_the_bound_has_the_values_of_the_papers_formula() -> None:
    # p = 0.3: 1 / 600 + 1 / 1400 + e^-37.5 / 2, the ImageNet runs; 1 / 1200 + 1 / 2800 for the others.
    assert lemma_2_1_bound(2000, 0.7) == pytest.approx(0.00238095238, abs=1e-11)
    assert lemma_2_1_bound(4000, 0.7) == pytest.approx(0.00119047619, abs=1e-11)
    assert lemma_2_1_bound(32, 0.5) == pytest.approx(2 / 16 + math.exp(-1) / 2)
    assert lemma_2_1_bound(50, 0.7) == pytest.approx(1 / 15 + 1 / 35 + math.exp(-15 / 16) / 2)
    assert lemma_2_1_bound(123, 0.3) == pytest.approx(lemma_2_1_bound(123, 0.7))


@pytest.mark.parametrize(("n_trials", "ratio"), [(0, 0.7), (-1, 0.7), (10, 0.0), (10, 1.0), (10, math.nan)])
def test_where_the_lemma_says_nothing_neither_do_we(n_trials: int, ratio: float) -> None:
    with pytest.raises(InputError, match=r"Lemma 2\.1 does not apply"):
        lemma_2_1_bound(n_trials, ratio)


@pytest.mark.parametrize("n_trials", [20, 400])
def test_both_algorithms_keep_within_the_bound(n_trials: int) -> None:
    """The lemma's algorithm (t/2 subsets of m, t/2 of m - 1) and Algorithm 1, on coin flips: every variance is 1/4.

    The truth is 0. Of 50 examples and 20 repetitions, the mean squared error has a relative standard deviation of
    about 0.05 and lies below half of the bound; that it exceeds the bound by chance is 20 standard deviations away.
    That it is above a tenth of the bound says that the bound is not of another quantity.
    """
    rng = np.random.default_rng(101)
    n, m, half = 50, 35, n_trials // 2
    ours, lemmas = [], []
    for _ in range(20):
        outcome = rng.random((n_trials, n)) < 0.5
        mask = uniform_masks(n_trials, n, m, rng)
        ours.append(memorization(examples_of(World(mask, outcome, outcome))))
        mask = np.concatenate([uniform_masks(half, n, m, rng), uniform_masks(half, n, m - 1, rng)])
        lemmas.append(_mean_or_half(mask[:half], outcome[:half]) - _mean_or_half(~mask[half:], outcome[half:]))
    for scores in (np.array(ours), np.array(lemmas)):
        assert 0.1 <= np.nanmean(scores**2) / lemma_2_1_bound(n_trials, m / n) <= 1


def _mean_or_half(chosen: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    n = chosen.sum(axis=0)
    return np.where(n == 0, 0.5, (chosen & outcome).sum(axis=0) / np.maximum(n, 1))
