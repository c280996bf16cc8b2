"""Tallies merge exactly, in any order, and refuse what does not belong together."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mempipe.errors import TallyError
from mempipe.scores.tally import Block, BlockTally, ExampleTally, merge
from mempipe.scores.trials import TrialSet
from tests.scores.worlds import World, examples_of, pairs_of, random_world

WORLD = random_world(40, 11, 7, seed=6)


def same(a: ExampleTally | BlockTally, b: ExampleTally | BlockTally) -> bool:
    """Equal trials and equal bytes."""
    if isinstance(a, BlockTally) and isinstance(b, BlockTally):
        return a.trials == b.trials and a.block.same_pairs(b.block) and a.correct_in.tobytes() == b.correct_in.tobytes()
    names = ("n_in", "n_out", "correct_in", "correct_out", "test_correct")
    return a.trials == b.trials and all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in names)


def parts(cuts: Sequence[int]) -> list[World]:
    edges = [0, *sorted(cuts), WORLD.n_trials]
    return [WORLD.trials(a, b) for a, b in pairwise(edges)]


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=2, max_size=2))
def test_merging_is_counting_together(cuts: list[int]) -> None:
    for count in (examples_of, pairs_of):
        a, b, c = (count(part) for part in parts(cuts))
        whole = count(WORLD)
        assert same(merge(merge(a, b), c), whole)
        assert same(merge(a, merge(b, c)), whole)
        assert same(merge(c, merge(b, a)), whole)


def test_the_empty_tally_is_neutral() -> None:
    examples, pairs = examples_of(WORLD), pairs_of(WORLD)
    for merged in (merge(examples, ExampleTally.empty(11, 7)), merge(ExampleTally.empty(11, 7), examples)):
        assert same(merged, examples)
    for merged_pairs in (merge(pairs, BlockTally.empty(pairs.block)), merge(BlockTally.empty(pairs.block), pairs)):
        assert same(merged_pairs, pairs)


def test_a_trial_that_would_count_twice_is_refused() -> None:
    for count in (examples_of, pairs_of):
        with pytest.raises(TallyError, match="trial 10 of source run is given twice"):
            merge(count(WORLD.trials(0, 20)), count(WORLD.trials(10, 12)))


def test_the_same_trial_numbers_of_two_runs_merge() -> None:
    merged = merge(examples_of(WORLD, source="a"), examples_of(WORLD, source="b"))
    assert merged.n_trials == 80
    assert merged.trials.to_dict() == {"a": [[0, 40]], "b": [[0, 40]]}
    np.testing.assert_array_equal(merged.n_in, 2 * examples_of(WORLD).n_in)


def test_what_does_not_belong_together_is_refused() -> None:
    other = random_world(4, 11, 8, seed=0)
    with pytest.raises(TallyError, match="data sets differ, got 11 train and 8 test"):
        merge(examples_of(WORLD), examples_of(other, source="other"))
    whole, some = pairs_of(WORLD), pairs_of(WORLD, Block("all", 0, np.arange(10), np.arange(7)), source="other")
    with pytest.raises(TallyError, match="blocks differ"):
        merge(whole, some)
    relabeled = pairs_of(WORLD, replace(whole.block, label=1), source="other")
    with pytest.raises(TallyError, match="blocks differ"):
        merge(whole, relabeled)
    with pytest.raises(TallyError, match="kinds of tally differ"):
        merge(whole, examples_of(WORLD))  # type: ignore[type-var]


@pytest.mark.parametrize("field", ["n_in", "n_out", "correct_in", "correct_out", "test_correct"])
@pytest.mark.parametrize("change", [1000, -1000])
def test_counts_that_contradict_each_other_are_refused(field: str, change: int) -> None:
    tally = examples_of(WORLD)
    with pytest.raises(TallyError, match="inconsistent"):
        replace(tally, **{field: getattr(tally, field) + change})


def test_arrays_of_another_type_or_shape_are_refused() -> None:
    tally, pairs = examples_of(WORLD), pairs_of(WORLD)
    with pytest.raises(TallyError, match="n_out is float64"):
        replace(tally, n_out=tally.n_out.astype(np.float64))
    with pytest.raises(TallyError, match=r"correct_in is int64 \(10,\), expected int64 \(11,\)"):
        replace(tally, correct_in=tally.correct_in[1:])
    with pytest.raises(TallyError, match=r"correct_in is int32 \(7, 11\), expected int32 \(11, 7\)"):
        replace(pairs, correct_in=pairs.correct_in.T)
    with pytest.raises(TallyError, match="at most 2147483647"):
        replace(pairs, trials=TrialSet.from_dict({"run": [[0, 2**31]]}))
