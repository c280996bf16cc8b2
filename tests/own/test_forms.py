"""Both forms of an own trainer give what they were asked for, in whatever order and groups, and end cleanly."""

import gc
import sys
from pathlib import Path

import numpy as np
import pytest

from mempipe.errors import InputError, SpecError
from mempipe.outcomes import outcome
from mempipe.subsets import subset_mask
from tests.own.worlds import CODE, N_CLASSES, N_TEST, N_TRAIN, opened, spec

ALL = ("correct", "margin", "prediction")
COMMAND = (sys.executable, str(CODE / "program.py"))


def silent(_: float) -> None:
    """Ignore progress."""


@pytest.mark.parametrize("form", [{"entry": "lookup:train"}, {"entry": "lookup:in_groups"}, {"command": COMMAND}])
def test_every_trial_has_its_subset_and_its_outcomes(form: dict[str, object]) -> None:
    trainer = opened(7, outcomes=ALL, params={"how": "logits"}, **form)
    advances: list[float] = []
    outcomes = [*trainer.train(range(2), advances.append), *trainer.train(range(2, 7), advances.append)]
    assert [result.trial for result in outcomes] == list(range(7))
    assert sum(advances) == pytest.approx(7)
    assert len({result.test["prediction"].tobytes() for result in outcomes}) == 7  # seeds differ
    labels = np.arange(N_TRAIN) % N_CLASSES
    for result in outcomes:
        mask = subset_mask(spec(entry="a:b").subsets, n_train=N_TRAIN, seed=5, trial=result.trial)
        np.testing.assert_array_equal(result.subset_mask, mask)
        np.testing.assert_array_equal(result.train["correct"], mask)
        np.testing.assert_array_equal(result.train["prediction"], (labels + ~mask) % N_CLASSES)
        logits = np.eye(N_CLASSES, dtype=np.float32)[(labels + ~mask) % N_CLASSES]
        np.testing.assert_array_equal(result.train["margin"], outcome("margin").of_logits(logits, labels))
        assert result.test["margin"].shape == (N_TEST,)
        assert result.seconds > 0


@pytest.mark.parametrize("form", [{"entry": "lookup:margins"}, {"command": COMMAND}])
def test_margins_and_classes(form: dict[str, object]) -> None:
    params = {"how": "margins"}
    for result in opened(2, outcomes=ALL, output="margins", params=params, **form).train(range(2), silent):
        np.testing.assert_array_equal(result.train["correct"], result.subset_mask)
        np.testing.assert_array_equal(result.train["margin"], np.where(result.subset_mask, 2, -2))


@pytest.mark.parametrize("form", [{"entry": "lookup:correctness"}, {"command": COMMAND}])
def test_correctness(form: dict[str, object]) -> None:
    for result in opened(2, output="correctness", params={"how": "correctness"}, **form).train(range(2), silent):
        np.testing.assert_array_equal(result.train["correct"], result.subset_mask)
        assert not result.test["correct"].any()


def test_the_child_has_the_threads_and_a_working_folder_of_its_own() -> None:
    (result,) = opened(1, entry="lookup:environment", output="correctness", threads=3).train([0], silent)
    assert result.test["correct"][:4].all()


def test_a_megabyte_of_output_is_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    results = list(opened(4, entry="lookup:verbose").train(range(4), silent))
    assert len(results) == 4
    assert 100 < len(caplog.records) < 300
    assert max(len(record.getMessage()) for record in caplog.records) < 500


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        ({"output": "correctness", "entry": "a:b"}, "trainer.output correctness suffices for, got margin"),
        ({"entry": "a:b", "command": ["x"]}, "needs one of entry and command"),
        ({}, "needs one of entry and command"),
    ],
)
def test_a_spec_is_refused(trainer: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spec(outcomes=ALL, **trainer)


def test_features_are_not_known() -> None:
    with pytest.raises(SpecError, match=r"trainer lookup:train trainer\.kind is own"):
        opened(entry="lookup:train").features(0, silent)


def test_a_missing_program() -> None:
    with pytest.raises(InputError, match="program no-such-program is missing"):
        list(opened(command=["no-such-program"]).train(range(4), silent))


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    trainer = opened(2, entry="lookup:train")
    list(trainer.train(range(2), silent))
    del trainer
    gc.collect()
    assert not list(tmp_path.iterdir())
