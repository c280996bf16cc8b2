"""`mempipe.run` with a function of the caller's process: the release of the same trainer in a process of its own."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mempipe
from mempipe.errors import InputError, SpecError, TrialError
from tests.command import run_folder, score_files
from tests.own.code import nearest

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
    spec = SPEC | {"trainer": {"entry": "nearest:train", **SPEC["trainer"]}}
    other = mempipe.run(spec, store=tmp_path / "there", n_workers=1)
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


def test_a_function_that_does_not_fit_the_spec(tmp_path: Path) -> None:
    nameless: Any = lambda trials: trials  # noqa: E731
    with pytest.raises(InputError, match="expected a function with a name"):
        mempipe.run(SPEC, store=tmp_path, trainer=nameless)
    for trainer in ({"command": ["x"]}, {"entry": "other:train"}, {"kind": "single"}):
        spec = SPEC | {"trainer": {**SPEC["trainer"], **trainer}}
        with pytest.raises(InputError, match="expected kind own with no entry or"):
            mempipe.run(spec, store=tmp_path, trainer=broken)
    with pytest.raises(InputError, match="n_workers is 2"):
        mempipe.run(SPEC, store=tmp_path, trainer=broken, n_workers=2)
    with pytest.raises(SpecError, match=r"trainer.*version"):
        mempipe.run({name: value for name, value in SPEC.items() if name != "trainer"}, store=tmp_path, trainer=broken)
    assert not list(tmp_path.iterdir())
