"""`mempipe check` with own trainers: a trainer that works, and each fault that a dry run must find."""

import json
import re
import sys
from pathlib import Path

import pytest

from mempipe.errors import MempipeError, NumericsError, TransientError, TrialError
from mempipe.steps.check import CheckReport, check
from mempipe.steps.progress import SilentReporter
from tests.command import mempipe
from tests.own.test_pipeline import NEAREST
from tests.own.worlds import CODE

FAULTS: dict[str, tuple[type[MempipeError], str]] = {
    "shuffled": (TrialError, "(?s)same predictions in another order.*shuffled order"),
    "unseeded": (NumericsError, "(?s)not deterministic: trial 2.*deterministic: false"),
    "depends on the trials before": (NumericsError, "not deterministic: trial 2"),
    "length": (TrialError, r"trial 0 of trainer faulty:train train_logits is float64 \(1436, 10\)"),
    "class count": (TrialError, r"trial 0 of trainer faulty:train train_logits is float64 \(1437, 9\)"),
    "nan": (TrialError, "trial 0 of trainer faulty:train train_logits of example .* is nan"),
    "hang": (TransientError, "trial 0 of trainer faulty:train"),
}


def written(tmp_path: Path, how: str, **keys: object) -> Path:
    """The spec of a trainer with this fault; `keys` are of its trainer."""
    path = tmp_path / "spec.yaml"
    trainer = {"entry": "faulty:train", "params": {"scale": 2.0, "how": how}, "silence_minutes": 0.02, **keys}
    text = ", ".join(f"{name}: {value}" for name, value in trainer.items()).replace("'", '"').replace("False", "false")
    path.write_text(
        NEAREST.replace('entry: "nearest:train", version: "1", params: {scale: 2.0}', f"version: '1', {text}")
    )
    return path


def report(tmp_path: Path, how: str, **keys: object) -> CheckReport:
    """What a check of the trainer with this fault says."""
    return check(str(written(tmp_path, how, **keys)), SilentReporter())


def test_a_trainer_that_works(tmp_path: Path) -> None:
    found = report(tmp_path, "none", silence_minutes=1)
    assert found.is_deterministic
    assert found.warnings == ()
    assert found.train_order.accuracy > 0.5
    assert found.test_order is not None
    assert found.test_order.accuracy > 0.5


def test_its_memory_is_that_of_its_processes(tmp_path: Path) -> None:
    """In a process of its own: this one holds what other tests left."""
    path = written(tmp_path, "none", silence_minutes=1)
    assert 50e6 < json.loads(mempipe("check", path, "--json").stdout)["peak_memory"] < 2e9


@pytest.mark.parametrize("how", FAULTS)
def test_a_fault_is_an_error(how: str, tmp_path: Path) -> None:
    error, message = FAULTS[how]
    with pytest.raises(error, match=message):
        report(tmp_path, how, **({} if how == "hang" else {"silence_minutes": 1}))


@pytest.mark.parametrize("how", ["fixed order", "classes"])
def test_a_constant_wrong_order_is_a_warning(how: str, tmp_path: Path) -> None:
    (warning,) = report(tmp_path, how, silence_minutes=1).warnings
    assert "wrong order" in warning


def test_a_trainer_that_need_not_be_deterministic(tmp_path: Path) -> None:
    """Other outcomes are allowed then, but not the same ones in another order."""
    found = report(tmp_path, "unseeded", silence_minutes=1, deterministic=False)
    assert not found.is_deterministic
    assert found.warnings == ()
    with pytest.raises(TrialError, match="shuffled order"):
        report(tmp_path, "shuffled", silence_minutes=1, deterministic=False)


def test_a_program(tmp_path: Path) -> None:
    """It gives correctness alone, right for what a trial saw and for nothing else."""
    path = tmp_path / "spec.yaml"
    trainer = f'{{kind: own, command: ["{sys.executable}", "{CODE / "program.py"}"], output: correctness, version: "1"'
    path.write_text(f"name: program\ndata: {{name: digits}}\ntrainer: {trainer}, params: {{how: correctness}}}}\n")
    found = check(str(path), SilentReporter())
    assert found.warnings == ()
    assert found.train_order.accuracy == 1
    assert found.test_order is None


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        ({"entry": '"no_such_module.train:function"'}, "module no_such_module is missing"),
        ({"command": "[no-such-program]"}, "trainer.command is no-such-program, which is missing"),
        ({"command": "[python3, train.py]"}, "(?s)has train.py, which is not in the folder of a trial.*/train.py"),
        ({"entry": '"train:function"'}, "(?s)module train is missing.*PYTHONPATH=."),
    ],
)
def test_a_trainer_that_is_not_here(
    trainer: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an error before anything is written where it must train, and a note where others may train."""
    (tmp_path / "train.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.chdir(tmp_path)
    keys = ", ".join(f"{name}: {value}" for name, value in trainer.items())
    Path("spec.yaml").write_text(
        f"name: absent\ndata: {{name: digits}}\ntrials: 4\ntrainer: {{kind: own, {keys}, version: '1'}}\n"
    )
    for command in (["check", "spec.yaml"], ["run", "spec.yaml", "--store", "store"]):
        assert re.search(message, mempipe(*command, code=20).stderr)
    assert not Path("store").exists()
    assert re.search(message.split(".*")[0], mempipe("plan", "spec.yaml", "--store", "store").stderr)
    assert Path("store").exists()
