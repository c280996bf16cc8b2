"""The ensemble: a trial's bytes are its own, whoever shares its group, whatever the chunk, the order, the process."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from mempipe.errors import InputError, SpecError, TrialError
from mempipe.subsets import subset_mask
from mempipe.training.ensemble import program
from mempipe.training.outcome import TrialOutcome
from mempipe.training.trainer import Trainer, open_trainer
from tests.training.worlds import N_TEST, N_TRAIN, as_bytes, silent, spec, world


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    return open_trainer(spec(), world())


@pytest.fixture(scope="module")
def outcomes(trainer: Trainer) -> dict[int, TrialOutcome]:
    """Trials 0 to 9 in one go: two groups of four and one that is padded."""
    return {outcome.trial: outcome for outcome in trainer.train(range(10), silent)}


def test_outcomes_are_complete_ascending_and_learned(outcomes: dict[int, TrialOutcome]) -> None:
    assert list(outcomes) == list(range(10))
    for trial, outcome in outcomes.items():
        expected = subset_mask(spec().subsets, n_train=N_TRAIN, seed=5, trial=trial)
        np.testing.assert_array_equal(outcome.subset_mask, expected)
        assert outcome.train["correct"].shape == (N_TRAIN,)
        assert outcome.test["correct"].shape == (N_TEST,)
        assert outcome.train["correct"].dtype == outcome.test["correct"].dtype == np.bool_
        assert outcome.train["margin"].shape == (N_TRAIN,)
        np.testing.assert_array_equal(outcome.train["correct"], outcome.train["prediction"] == world().train_labels)
        np.testing.assert_array_equal(outcome.test["correct"], outcome.test["prediction"] == world().test_labels)
        assert ((outcome.train["margin"] > 0) <= outcome.train["correct"]).all()
        assert outcome.seconds > 0
    # Chance is 1/3.
    assert np.mean([outcome.test["correct"].mean() for outcome in outcomes.values()]) > 0.7
    assert len({as_bytes(outcome) for outcome in outcomes.values()}) == 10


@pytest.mark.parametrize("trials", [[5], [9, 8], [2, 3, 4, 5], [7, 0, 7]])
def test_companions_chunks_and_order_change_no_bit(
    trainer: Trainer, outcomes: dict[int, TrialOutcome], trials: list[int]
) -> None:
    again = list(trainer.train(trials, silent))
    assert [outcome.trial for outcome in again] == sorted(set(trials))
    for outcome in again:
        assert as_bytes(outcome) == as_bytes(outcomes[outcome.trial])


@pytest.mark.usefixtures("test_models")
def test_batch_normalization_does_not_mix_members() -> None:
    """Moments and moving statistics are each member's own: alone, beside others and padded it has the same bytes."""
    normalized = open_trainer(spec(model={"name": "normalized"}), world())
    together = {outcome.trial: as_bytes(outcome) for outcome in normalized.train(range(6), silent)}
    assert len(set(together.values())) == 6
    for trials in ([1], [5, 2]):
        for outcome in normalized.train(trials, silent):
            assert as_bytes(outcome) == together[outcome.trial]


def test_another_process_changes_no_bit(outcomes: dict[int, TrialOutcome]) -> None:
    code = (
        "import hashlib\n"
        "from mempipe.training.trainer import open_trainer\n"
        "from tests.training.worlds import as_bytes, silent, spec, world\n"
        "for outcome in open_trainer(spec(), world()).train([6, 2], silent):\n"
        "    print(outcome.trial, hashlib.sha256(as_bytes(outcome)).hexdigest())\n"
    )
    process = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    expected = [f"{trial} {hashlib.sha256(as_bytes(outcomes[trial])).hexdigest()}" for trial in (2, 6)]
    assert process.stdout.splitlines() == expected
    assert process.stderr == ""


def test_blocks_of_steps_change_no_bit(outcomes: dict[int, TrialOutcome], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("program", "trainer"):
        monkeypatch.setattr(f"mempipe.training.ensemble.{module}.BLOCK_STEPS", 4)
    for outcome in open_trainer(spec(), world()).train([1, 2], silent):
        assert as_bytes(outcome) == as_bytes(outcomes[outcome.trial])


def test_other_members_of_the_balanced_design_have_other_sizes_and_the_same_steps() -> None:
    balanced = spec(subsets={"design": "balanced"}, recipe={"epochs": 2, "batch_size": 16, "learning_rate": 0.1})
    outcomes = list(open_trainer(balanced, world()).train(range(4), silent))
    assert len({int(outcome.subset_mask.sum()) for outcome in outcomes}) > 1


def test_progress_adds_up_to_the_number_of_trials(trainer: Trainer) -> None:
    progress: list[float] = []
    list(trainer.train(range(6), progress.append))
    assert all(part > 0 for part in progress)
    assert sum(progress) == pytest.approx(6)


def test_the_spec_says_which_outcomes_are_kept(outcomes: dict[int, TrialOutcome]) -> None:
    (outcome,) = open_trainer(spec(outcomes=["correct"]), world()).train([3], silent)
    assert outcome.train.keys() == outcome.test.keys() == {"correct"}
    np.testing.assert_array_equal(outcome.train["correct"], outcomes[3].train["correct"])


def test_a_last_evaluation_batch_that_is_short_judges_each_example_once(
    outcomes: dict[int, TrialOutcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_LEAST_EVALUATED", 17)
    (outcome,) = open_trainer(spec(), world()).train([3], silent)
    np.testing.assert_array_equal(outcome.train["correct"], outcomes[3].train["correct"])
    np.testing.assert_array_equal(outcome.test["correct"], outcomes[3].test["correct"])


def test_a_diverged_trial_is_an_error_that_names_it() -> None:
    recipe = {"epochs": 2, "batch_size": 10, "learning_rate": 1e30, "schedule": {"kind": "constant"}}
    with pytest.raises(TrialError, match="trial 2 logits are not finite") as caught:
        list(open_trainer(spec(recipe=recipe), world()).train([2, 3], silent))
    assert "learning_rate" in caught.value.hint


def test_a_bad_but_finite_trial_is_kept() -> None:
    recipe = {"epochs": 1, "batch_size": 10, "learning_rate": 1e-9}
    (outcome,) = open_trainer(spec(recipe=recipe), world()).train([0], silent)
    assert outcome.test["correct"].mean() < 0.7


@pytest.mark.usefixtures("test_models")
def test_a_model_that_cannot_be_vectorized_is_refused_when_opened() -> None:
    with pytest.raises(SpecError, match="cannot be vectorized"):
        open_trainer(spec(model={"name": "noisy"}), world())


def test_another_number_of_threads_needs_another_process() -> None:
    with pytest.raises(InputError, match="threads is 1, expected 2"):
        open_trainer(spec(trainer={"kind": "ensemble", "width": 4, "threads": 2}), world())
