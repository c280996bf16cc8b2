"""`mempipe.run` with a function of the caller's process: the release of the same trainer in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mempipe
from mempipe.errors import InputError, SpecError, TransientError, TrialError
from mempipe.training.trainer import open_trainer
from tests.command import run_folder, score_files
from tests.own.code import nearest
from tests.own.worlds import N_CLASSES, N_TEST, spec, world

SPEC = {
    "name": "nearest",
    "data": {"name": "digits"},
    "trainer": {"kind": "own", "version": "1", "params": {"scale": 2.0}},
    "outcomes": ["correct", "margin"],
    "trials": 10,
    "chunk_size": 5,
}


def test_it_is_the_same_run_as_by_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def train(trials: Any) -> Any:
        calls.append(os.getpid())
        yield from nearest.train(trials)

    monkeypatch.setattr(train, "__module__", "nearest")
    monkeypatch.setattr(train, "__qualname__", "train")
    release = mempipe.run(SPEC, store=tmp_path / "here", trainer=train)
    assert calls == [os.getpid()]
    assert release.manifest.spec is not None
    assert release.manifest.spec["trainer"]["entry"] == "nearest:train"
    by_entry = SPEC | {"trainer": {"entry": "nearest:train", **SPEC["trainer"]}}
    other = mempipe.run(by_entry, store=tmp_path / "there", n_workers=1)
    assert other.manifest.content_digest == release.manifest.content_digest
    assert score_files(Path(other.uri)) == score_files(Path(release.uri))
    again = mempipe.run(SPEC, store=str(tmp_path / "here"), trainer=train, trials=10)
    assert (again.uri, calls) == (release.uri, [os.getpid()])


def broken(trials: Any) -> Any:
    for trial in trials:
        yield trial.logits(np.zeros((trial.n_train - 1, trial.n_classes)), np.zeros((trial.n_test, trial.n_classes)))


def failing(trials: Any) -> Any:
    for trial in trials:
        raise ZeroDivisionError(f"trial {trial.number}")
        yield


def test_its_failures_name_trainer_and_trial_and_commit_nothing(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match=r"trial 0 of trainer tests\.own\.test_run:broken train_logits is"):
        mempipe.run(SPEC, store=tmp_path, trainer=broken)
    assert not (run_folder(tmp_path) / "shards").exists()
    with pytest.raises(TrialError, match=r"trial 0 .*failing raised ZeroDivisionError \(trial 0\)") as error:
        mempipe.run(SPEC | {"name": "failing"}, store=tmp_path, trainer=failing)
    assert isinstance(error.value.__cause__, ZeroDivisionError)


def test_errors_of_mempipe_itself_name_trainer_and_trial(tmp_path: Path) -> None:
    def numbers(trials: Any) -> Any:
        for trial in trials:
            yield trial.number

    def again(trials: Any) -> Any:
        for _ in trials:
            raise TransientError("The license server is busy.", hint="wait.")
            yield

    with pytest.raises(TrialError, match=r"trial 0 of trainer .*numbers raised InputError: .* it yields int, expected"):
        mempipe.run(SPEC, store=tmp_path, trainer=numbers)
    with pytest.raises(TransientError, match=r"trial 0 of trainer .*again raised TransientError: The license server"):
        mempipe.run(SPEC, store=tmp_path, trainer=again)


def test_the_function_sees_the_loaded_data_set_and_cannot_change_what_is_right() -> None:
    def train(trials: Any) -> Any:
        labels = trials.dataset.train_labels.copy()
        trials.dataset.train_labels[:] = 0
        for trial in trials:
            yield trial.logits(np.eye(N_CLASSES)[labels], np.zeros((N_TEST, N_CLASSES)))

    dataset = world()  # of no file
    trainer = open_trainer(spec(entry="here:train"), dataset, trials=[0], function=train)
    (outcome,) = trainer.train([0], lambda _: None)
    assert outcome.train["correct"].all()
    assert not dataset.train_labels.any()


SCRIPT = """
import sys
import mempipe
from nearest import train as nearest

def train(trials):
    yield from nearest(trials)

spec = {"name": "script", "data": {"name": "digits"}, "trials": 4, "chunk_size": 2,
        "trainer": {"kind": "own", "version": "1", "params": {"scale": 2.0}}}
release = mempipe.run(spec, store=sys.argv[1], trainer=train)
print(release.manifest.spec["trainer"]["entry"], release.n_trials)
"""


def test_a_script_gives_its_own_function(tmp_path: Path) -> None:
    """`__main__` cannot be imported by another process, and need not be."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script, tmp_path / "store"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "__main__:train 4\n"), done.stderr
    assert "missing, expected" not in done.stderr


def test_a_run_of_a_script_cannot_be_continued_without_its_function(tmp_path: Path) -> None:
    trainer = {**SPEC["trainer"], "entry": "__main__:train"}
    with pytest.raises(InputError, match=r"(?s)module __main__ is missing.*trainer=function"):
        mempipe.run(SPEC | {"trainer": trainer}, store=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("trials", [0, -3])
def test_no_trials_are_refused(trials: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"trials is {trials}, expected at least 1"):
        mempipe.run(SPEC, store=tmp_path, trainer=nearest.train, trials=trials)
    assert not list(tmp_path.iterdir())


def test_a_function_that_does_not_fit_the_spec(tmp_path: Path) -> None:
    nameless: Any = lambda trials: trials  # noqa: E731
    with pytest.raises(InputError, match="expected a function with a name"):
        mempipe.run(SPEC, store=tmp_path, trainer=nameless)
    for trainer in ({"command": ["x"]}, {"entry": "other:train"}, {"kind": "single"}):
        declared = SPEC | {"trainer": {**SPEC["trainer"], **trainer}}
        with pytest.raises(InputError, match="expected kind own with no entry or"):
            mempipe.run(declared, store=tmp_path, trainer=broken)
    with pytest.raises(InputError, match="n_workers is 2"):
        mempipe.run(SPEC, store=tmp_path, trainer=broken, n_workers=2)
    with pytest.raises(SpecError, match=r"trainer.*version"):
        mempipe.run({name: value for name, value in SPEC.items() if name != "trainer"}, store=tmp_path, trainer=broken)
    assert not list(tmp_path.iterdir())
