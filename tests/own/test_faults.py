"""What can go wrong with an own trainer: each a real process, an error that names trainer and trial, no outcome."""

import sys
from pathlib import Path

import pytest

from mempipe.errors import MempipeError, TransientError, TrialError
from mempipe.training.trainer import Trainer
from tests.own.worlds import CODE, opened

PERMANENT = {
    "short": r"trial 2 .* train_logits is float32 \(29, 3\), expected shape \(30, 3\)",
    "classes": r"trial 2 .* train_logits is float32 \(30, 2\), expected shape \(30, 3\)",
    "integers": "trial 2 .* train_logits is int64, expected float16, float32 or float64",
    "objects": "(?s)trial 2 .* ended with code 20.*Object arrays cannot be saved",
    "infinite": "trial 2 .* test_logits of example 0 is inf, expected a finite number",
    "nan": "trial 2 .* train_logits of example 7 is nan, expected a finite number",
    "raise": "(?s)trial 2 .* ended with code 20.*in _raise.*ZeroDivisionError: the learning rate of layer 3",
    "twice": "trial 2 .* was given twice",
    "unknown": "trial 99 .* was given, but is not one that was drawn",
    "missing": "trial 2 .* is missing",
    "other output": r"trial 2 .* train_logits\.npy is missing",
    "a number": "(?s)trial 2 .* ended with code 20.*it yields float, expected a trial's predictions",
    "exit 20": "(?s)trial 2 .* ended with code 20, expected code 0, last lines:.*leaving",
    "leak": r"trial 2 .* memory is 0\.\d+ GB, expected at most 0\.5 GB",
    "stray": r"trial 2 .* model\.bin lies beside the trial's folder",
    "changed input": r"trial 2 .* subset_idx\.npy was changed",
}
TRANSIENT = {
    "exit 10": "(?s)trial 2 .* ended with code 10.*leaving",
    "killed": "trial 2 .* ended with signal SIGSEGV",
    "hang": "(?s)trial 2 .* progress is none for .* minutes.*waiting for a lock",
}
OF_PROGRAMS = {
    "pickle": "train_logits.npy is no npy file of plain numbers",
    "text": "train_logits.npy is no npy file of plain numbers",
    "huge": r"train_logits.npy is larger than \d+ bytes",
    "missing": "test_logits.npy is missing",
    "link": "test_logits.npy is a symbolic link",
    "fifo": "test_logits.npy is no plain file",
    "stray": "model.bin lies beside the trial's folder",
    "changed input": "trial.json was changed",
    "20": "ended with code 20, expected code 0, last lines:.*leaving",
    "3": "ended with code 3, expected code 0, last lines:.*leaving",
}


def results_until_error(error: type[MempipeError], message: str, **trainer: object) -> list[int]:
    """Train in chunks of two until the error comes; return the trials that came before."""
    silence = 0.2 if trainer.get("params") == {"how": "hang"} else 60
    opened_trainer = opened(silence_minutes=silence, memory_gb=0.5, **trainer)
    trials: list[int] = []
    with pytest.raises(error, match=message) as raised:
        _train(opened_trainer, trials)
    assert type(raised.value) is error
    assert ("lookup:" in str(raised.value)) == ("entry" in trainer)
    return trials


def _train(trainer: Trainer, trials: list[int]) -> None:
    for chunk in ((0, 1), (2, 3)):
        trials.extend([result.trial for result in trainer.train(chunk, lambda _: None)])


@pytest.mark.parametrize("how", PERMANENT)
def test_a_function_that_fails(how: str) -> None:
    message = PERMANENT[how]
    assert results_until_error(TrialError, message, entry="lookup:fail_in_third", params={"how": how}) == [0, 1]


@pytest.mark.parametrize("how", TRANSIENT)
def test_a_function_that_may_succeed_later(how: str) -> None:
    message = TRANSIENT[how]
    assert results_until_error(TransientError, message, entry="lookup:fail_in_third", params={"how": how}) == [0, 1]


@pytest.mark.parametrize("how", OF_PROGRAMS)
def test_a_program_that_fails(how: str) -> None:
    message, command = f"(?s)trial 2 .*{OF_PROGRAMS[how]}", (sys.executable, str(CODE / "program.py"))
    assert results_until_error(TrialError, message, command=command, params={"how": how}) == [0, 1]


@pytest.mark.parametrize(("how", "message"), [("10", "ended with code 10"), ("hang", "progress is none for")])
def test_a_program_that_may_succeed_later(how: str, message: str) -> None:
    command = (sys.executable, str(CODE / "program.py"))
    assert results_until_error(TransientError, message, command=command, params={"how": how}) == [0, 1]


def test_a_thread_that_never_ends_costs_no_trial() -> None:
    results = list(opened(entry="lookup:leaves_a_thread", silence_minutes=0.5).train(range(4), lambda _: None))
    assert [result.trial for result in results] == [0, 1, 2, 3]


def test_a_function_that_returns_early() -> None:
    assert results_until_error(TrialError, "trial 2 .* was not drawn", entry="lookup:returns_early") == [0, 1]


def test_a_trial_that_is_given_again_at_the_end_is_not_committed() -> None:
    trials = results_until_error(TrialError, "trial 3 .* was given twice", entry="lookup:twice_at_the_end")
    assert trials == [0, 1]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("no_such_package.part:train", "(?s)trial 0 .*module no_such_package is missing.*PYTHONPATH"),
        ("lookup:no_such_function", "(?s)trial 0 .*no_such_function"),
        ("lookup:FAULTS", "(?s)trial 0 .*not callable"),
        ("lookup:answers", "(?s)trial 0 .*answers"),
    ],
)
def test_an_entry_that_is_none(entry: str, message: str) -> None:
    with pytest.raises(TrialError, match=message):
        list(opened(entry=entry).train(range(4), lambda _: None))


def test_no_process_outlives_an_error() -> None:
    hang = {"entry": "lookup:fail_in_third", "params": {"how": "hang"}, "silence_minutes": 0.2}
    with pytest.raises(TransientError):
        list(opened(**hang).train(range(4), lambda _: None))
    children = [Path(f"/proc/{name}/children").read_text().split() for name in _tasks()]
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pids in children for pid in pids]
    assert not [command for command in commands if b"mempipe.training.own.child" in command]


def _tasks() -> list[str]:
    """The threads of this process, below /proc."""
    return [f"self/task/{path.name}" for path in Path("/proc/self/task").iterdir()]
