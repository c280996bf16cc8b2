"""A set of trials is exact, canonical and plain JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mempipe.errors import TallyError
from mempipe.scores.trials import TrialSet

named_trials = st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(0, 30)), max_size=3)


def trial_set(trials: dict[str, set[int]]) -> TrialSet:
    whole = TrialSet()
    for source, ids in trials.items():
        whole = whole.union(TrialSet.from_ids(source, sorted(ids)))
    return whole


def members(trials: TrialSet) -> set[tuple[str, int]]:
    return {
        (source, trial) for source, spans in trials.intervals for start, stop in spans for trial in range(start, stop)
    }


def pairs(trials: dict[str, set[int]]) -> set[tuple[str, int]]:
    return {(source, trial) for source, ids in trials.items() for trial in ids}


@given(named_trials, named_trials)
def test_it_is_what_python_sets_are(a: dict[str, set[int]], b: dict[str, set[int]]) -> None:
    left, right = trial_set(a), trial_set(b)
    assert members(left) == pairs(a)
    assert len(left) == len(pairs(a))
    assert members(left.union(right)) == pairs(a) | pairs(b)
    assert members(left.overlap(right)) == pairs(a) & pairs(b)
    assert (left == right) == (pairs(a) == pairs(b))
    assert (left == right) <= (hash(left) == hash(right))


@given(named_trials, named_trials)
def test_a_disjoint_union_refuses_exactly_what_overlaps(a: dict[str, set[int]], b: dict[str, set[int]]) -> None:
    left, right = trial_set(a), trial_set(b)
    if pairs(a) & pairs(b):
        with pytest.raises(TallyError, match="given twice"):
            left.disjoint_union(right)
    else:
        assert left.disjoint_union(right) == left.union(right)


@given(named_trials)
def test_json_gives_the_same_set_back(a: dict[str, set[int]]) -> None:
    trials = trial_set(a)
    assert TrialSet.from_dict(json.loads(json.dumps(trials.to_dict()))) == trials


def test_neighboring_trials_are_one_interval_in_any_order() -> None:
    assert TrialSet.from_ids("run", [5, 3, 4, 9]).to_dict() == {"run": [[3, 6], [9, 10]]}
    assert TrialSet.from_dict({"run": [[4, 6], [0, 4]], "none": []}).to_dict() == {"run": [[0, 6]]}


def test_the_same_number_of_another_source_is_another_trial() -> None:
    assert len(TrialSet.from_ids("a", [0]).disjoint_union(TrialSet.from_ids("b", [0]))) == 2


@pytest.mark.parametrize(
    "intervals",
    [
        {"run": [[0, 2], [1, 3]]},
        {"run": [[2, 2]]},
        {"run": [[3, 1]]},
        {"run": [[-1, 1]]},
        {"run": [[0, 1, 2]]},
        {"run": [[0, 1.5]]},
    ],
)
def test_what_is_no_set_of_trials_is_refused(intervals: dict[str, list[list[int]]]) -> None:
    with pytest.raises(TallyError):
        TrialSet.from_dict(intervals)


@pytest.mark.parametrize("intervals", [(("b", ((0, 1),)), ("a", ((0, 1),))), (("a", ((0, 1), (1, 2))),), (("a", ()),)])
def test_a_form_that_is_not_canonical_is_refused(
    intervals: tuple[tuple[str, tuple[tuple[int, int], ...]], ...],
) -> None:
    with pytest.raises(TallyError, match="intervals"):
        TrialSet(intervals)


@pytest.mark.parametrize(("ids", "problem"), [([1, 1], "given twice"), ([-1], "trial -1")])
def test_trials_that_repeat_or_are_negative_are_refused(ids: list[int], problem: str) -> None:
    with pytest.raises(TallyError, match=problem):
        TrialSet.from_ids("run", ids)
