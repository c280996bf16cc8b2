"""The design `removal`: one arm lacks exactly the given examples, the other exactly as many at random."""

import hashlib
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mempipe.errors import SpecError
from mempipe.spec import Subsets
from mempipe.subsets import arm_of, removal, removed_mask, subset_mask, subset_size


def masks(removed: np.ndarray, *, seed: int, trials: range) -> np.ndarray:
    subsets = removal(removed)
    return np.stack([subset_mask(subsets, n_train=len(removed), seed=seed, trial=trial) for trial in trials])


def test_golden_masks() -> None:
    removed = np.zeros(1437, dtype=np.bool_)
    removed[::17] = True
    rows = masks(removed, seed=20, trials=range(25))
    digest = hashlib.sha256(np.packbits(rows, axis=1, bitorder="little").tobytes()).hexdigest()[:16]
    assert digest == "1a09031a70c2aaee"


def test_golden_text() -> None:
    """What the spec holds is part of the run key: it never changes."""
    removed = np.zeros(11, dtype=np.bool_)
    removed[[0, 3, 10]] = True
    assert removal(removed).removed == "CQQ="


@settings(max_examples=60, deadline=None)
@given(
    removed=st.lists(st.booleans(), min_size=1, max_size=90).filter(lambda bits: not all(bits)),
    seed=st.integers(0, 2**64 - 1),
    pair=st.integers(0, 10**6),
)
def test_one_arm_is_the_complement_and_the_other_lacks_as_many(removed: list[bool], seed: int, pair: int) -> None:
    given_mask, trials = np.array(removed), range(2 * pair, 2 * pair + 2)
    assert [arm_of(trial) for trial in trials] == ["removal", "control"]  # committed runs depend on it
    without, control = masks(given_mask, seed=seed, trials=trials)
    assert np.array_equal(without, ~given_mask)
    assert control.sum() == without.sum() == subset_size(removal(given_mask), len(removed))
    assert np.array_equal(removed_mask(removal(given_mask), len(removed)), given_mask)


def test_the_control_arm_is_uniform_over_all_examples() -> None:
    """Each of 40 examples is left out by a quarter of 2,000 trials, also those that the other arm removes.

    The largest of 40 binomial deviations exceeds 6 standard deviations with probability below 1e-7.
    """
    removed = np.zeros(40, dtype=np.bool_)
    removed[:10] = True
    rows = masks(removed, seed=8, trials=range(4000))[1::2]
    left_out = (~rows).mean(axis=0)
    assert np.abs(left_out - 0.25).max() < 6 * np.sqrt(0.25 * 0.75 / 2000)
    assert len(np.unique(rows, axis=0)) > 1990  # drawn anew for each


def test_nothing_removed_is_everything() -> None:
    assert masks(np.zeros(9, dtype=np.bool_), seed=1, trials=range(4)).all()


def test_everything_removed_is_refused() -> None:
    with pytest.raises(SpecError, match=r"subsets\.removed is all examples"):
        subset_size(removal(np.ones(9, dtype=np.bool_)), 9)


@pytest.mark.parametrize("n_train", [3, 7, 17])
def test_a_removal_of_another_training_set_is_refused(n_train: int) -> None:
    removed = np.zeros(9, dtype=np.bool_)
    removed[8] = True
    with pytest.raises(SpecError, match=f"expected the bits of {n_train} training examples"):
        subset_mask(removal(removed), n_train=n_train, seed=0, trial=0)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"design": "removal"}, "removed belongs to the design"),
        ({"design": "uniform", "removed": "CQQ="}, "removed belongs to the design"),
        ({"design": "removal", "removed": "CQQ="} | {"ratio": Decimal("0.5")}, "ratio does not belong"),
        ({"design": "removal", "removed": "no base64!"}, "base64 of packed bits"),
    ],
)
def test_contradictions_are_refused(values: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Subsets.model_validate(values)
