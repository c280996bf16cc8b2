"""Scores equal the two plain loops bit for bit, have the values that enumeration gives, and keep the identities."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mempipe.errors import EmptyTallyError, TallyError
from mempipe.scores.estimate import heldout_accuracy, influence, memorization
from mempipe.scores.tally import Block, ExampleTally
from tests.scores import oracle
from tests.scores.worlds import World, enumerated_world, every_pair, examples_of, pairs_of, random_world


def mem_of(world: World) -> np.ndarray:
    return memorization(examples_of(world))


def infl_of(world: World) -> np.ndarray:
    return influence(pairs_of(world), examples_of(world))


@pytest.mark.parametrize("ratio", [0.0, 0.2, 0.7, 1.0])
@pytest.mark.parametrize("size", [(1, 1, 1), (1, 9, 3), (2, 8, 0), (3, 7, 8), (64, 13, 9), (65, 12, 17)], ids=str)
def test_scores_are_those_of_two_loops_bit_for_bit(size: tuple[int, int, int], ratio: float) -> None:
    world = random_world(*size, seed=sum(size), ratio=ratio)
    mask, train, test = world.mask.tolist(), world.train.tolist(), world.test.tolist()
    np.testing.assert_array_equal(mem_of(world), oracle.memorization(mask, train))
    np.testing.assert_array_equal(heldout_accuracy(examples_of(world)), oracle.heldout_accuracy(mask, train))
    expected = np.array(oracle.influence(mask, test)).reshape(world.n_train, world.n_test)
    np.testing.assert_array_equal(infl_of(world), expected)


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 20), st.integers(0, 20)),
    ratio=st.sampled_from([0.02, 0.5, 0.7, 0.98]),
    accuracy=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_world_agrees_with_the_loops(size: tuple[int, int, int], ratio: float, accuracy: float, seed: int) -> None:
    world = random_world(*size, seed=seed, ratio=ratio, accuracy=accuracy)
    mask, test = world.mask.tolist(), world.test.tolist()
    scores = infl_of(world)
    np.testing.assert_array_equal(mem_of(world), oracle.memorization(mask, world.train.tolist()))
    np.testing.assert_array_equal(scores, np.array(oracle.influence(mask, test)).reshape(scores.shape))
    defined = ~(world.mask.all(axis=0) | ~world.mask.any(axis=0))
    assert np.array_equal(~np.isnan(mem_of(world)), defined)
    assert np.array_equal(~np.isnan(scores), np.repeat(defined[:, None], world.n_test, axis=1))
    assert np.all(np.abs(scores[defined]) <= 1)


SIZES_OF_SUBSETS = [(6, 4), (5, 2), (4, 3), (3, 1)]


@pytest.mark.parametrize(("n", "m"), SIZES_OF_SUBSETS)
def test_right_if_and_only_if_example_0_was_seen(n: int, m: int) -> None:
    world = enumerated_world(n, m, lambda subset: 0 in subset)
    tally, pairs = examples_of(world), pairs_of(world)
    assert tally.n_trials == math.comb(n, m)
    assert mem_of(world)[0] == 1.0
    for i in range(1, n):  # a design of fixed size is not neutral: seeing i makes 0 rarer
        n_in, n_out = int(tally.n_in[i]), int(tally.n_out[i])
        themselves = (tally.correct_in[i], tally.correct_in[i] + tally.correct_out[i])
        for correct_in, correct in (themselves, *zip(pairs.correct_in[i], tally.test_correct, strict=True)):
            exact = Fraction(int(correct_in), n_in) - Fraction(int(correct - correct_in), n_out)
            assert exact == Fraction(-1, n - 1)
    np.testing.assert_allclose(infl_of(world)[1:], -1 / (n - 1), rtol=0, atol=2e-16)
    assert (infl_of(world)[0] == 1.0).all()


@pytest.mark.parametrize(("n", "m"), SIZES_OF_SUBSETS)
def test_right_if_and_only_if_0_or_1_was_seen(n: int, m: int) -> None:
    world = enumerated_world(n, m, lambda subset: bool(subset & {0, 1}))
    np.testing.assert_allclose(infl_of(world)[:2], 1 - m / (n - 1), rtol=0, atol=2e-16)
    np.testing.assert_allclose(mem_of(world)[:2], 1 - m / (n - 1), rtol=0, atol=2e-16)


@pytest.mark.parametrize("outcome", [True, False])
def test_a_constant_learner_has_no_memorization(outcome: bool) -> None:
    world = enumerated_world(6, 4, lambda subset: outcome)
    assert not mem_of(world).any()
    assert not infl_of(world).any()
    assert (heldout_accuracy(examples_of(world)) == float(outcome)).all()


def test_memorization_is_influence_on_oneself() -> None:
    world = random_world(50, 30, 1, seed=1)
    themselves = World(world.mask, world.train, world.train)
    np.testing.assert_array_equal(np.diagonal(infl_of(themselves)), mem_of(world))


def test_complementing_the_masks_flips_the_signs() -> None:
    world = random_world(50, 30, 20, seed=2)
    complement = World(~world.mask, world.train, world.test)
    np.testing.assert_array_equal(mem_of(complement), -mem_of(world))
    np.testing.assert_array_equal(infl_of(complement), -infl_of(world))


def test_relabeling_permutes() -> None:
    world = random_world(50, 30, 20, seed=3)
    rng = np.random.default_rng(0)
    i, j = rng.permutation(30), rng.permutation(20)
    other = World(world.mask[:, i], world.train[:, i], world.test[:, j])
    np.testing.assert_array_equal(mem_of(other), mem_of(world)[i])
    np.testing.assert_array_equal(infl_of(other), infl_of(world)[np.ix_(i, j)])


def test_an_example_always_or_never_seen_has_no_score() -> None:
    world = random_world(20, 4, 3, seed=4, ratio=0.5)
    world.mask[:, 1] = True
    world.mask[:, 2] = False
    assert np.isnan(mem_of(world)).tolist() == [False, True, True, False]
    assert np.isnan(infl_of(world)).all(axis=1).tolist() == [False, True, True, False]
    assert np.isnan(heldout_accuracy(examples_of(world))).tolist() == [False, True, False, False]


def test_some_rows_are_rows_of_all() -> None:
    world = random_world(20, 9, 3, seed=5)
    rows = np.array([7, 0, 3])
    pairs, examples = pairs_of(world), examples_of(world)
    np.testing.assert_array_equal(influence(pairs, examples, rows), influence(pairs, examples)[rows])
    np.testing.assert_array_equal(influence(pairs, examples, slice(2, 4)), influence(pairs, examples)[2:4])


def test_a_block_has_the_scores_of_its_pairs() -> None:
    world = random_world(20, 9, 8, seed=5)
    block = Block("some", 0, np.array([1, 4, 8]), np.array([0, 7]))
    scores = influence(pairs_of(world, block), examples_of(world))
    np.testing.assert_array_equal(scores, infl_of(world)[np.ix_(block.tr_idx, block.tt_idx)])


def test_no_trial_is_nothing_to_estimate() -> None:
    world, nothing = random_world(3, 4, 2, seed=0), ExampleTally.empty(4, 2)
    for estimate in (memorization, heldout_accuracy):
        with pytest.raises(EmptyTallyError, match="n_trials is 0"):
            estimate(nothing)
    with pytest.raises(EmptyTallyError):
        influence(pairs_of(world, batches=[]), nothing)


def test_tallies_of_different_trials_or_data_do_not_mix() -> None:
    world = random_world(6, 4, 2, seed=0)
    with pytest.raises(TallyError, match="trials are"):
        influence(pairs_of(world), examples_of(world.trials(0, 5)))
    with pytest.raises(TallyError, match="trials are"):
        influence(pairs_of(world), examples_of(world, source="another"))
    smaller = examples_of(World(world.mask[:, :3], world.train[:, :3], world.test))
    with pytest.raises(TallyError, match="train position 3"):
        influence(pairs_of(world, every_pair(world)), smaller)
