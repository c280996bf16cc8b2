"""How much of the package a run enters, and which of its processes load what takes seconds to load."""

import json
import os
from pathlib import Path

import pytest

from tests.command import mempipe

RECORDER = """
import atexit, json, os, sys, threading

FUNCTION = 1  # CO_OPTIMIZED: a function, no body of a module or a class
files = set()

def profile(frame, event, argument):
    if event == "call" and frame.f_code.co_flags & FUNCTION:
        files.add(frame.f_code.co_filename)

def record():
    with open(os.path.join({folder!r}, str(os.getpid())), "w") as file:
        json.dump([sys.orig_argv, "great_expectations" in sys.modules, sorted(files)], file)

atexit.register(record)
threading.setprofile(profile)
sys.setprofile(profile)
"""
PACKAGE = Path(__file__).parents[2] / "mempipe"


class Recorder:
    """Runs commands; remembers of each process its arguments, and whether it loaded Great Expectations."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *arguments: str | Path) -> tuple[str, set[Path], list[tuple[list[str], bool]]]:
        """Run a command; return what it printed, the files of which a function ran, and its processes."""
        printed = mempipe(*arguments, timeout=600).stdout
        entered: set[Path] = set()
        processes = []
        for path in self._folder.iterdir():
            command, loaded, files = json.loads(path.read_text())
            processes.append((command, loaded))
            entered |= {Path(file) for file in files if PACKAGE in Path(file).parents}
            path.unlink()
        return printed, entered, processes


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Python records every process that starts from here on."""
    (tmp_path / "processes").mkdir()
    (tmp_path / "sitecustomize.py").write_text(RECORDER.format(folder=str(tmp_path / "processes")))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return Recorder(tmp_path / "processes")


def test_from_spec_to_report(recorder: Recorder, spec: Path, tmp_path: Path) -> None:
    """Fewer files than the 118 of version 0.1; Great Expectations, of several seconds, in one process only."""
    run = ("run", spec, "--store", tmp_path / "store", "--workers", "2")
    release, entered, processes = recorder(*run)
    assert len(processes) == 3
    assert sum("train" in command for command, _ in processes) == 2
    assert [loaded for command, loaded in processes if "run" in command] == [True]
    assert not any(loaded for command, loaded in processes if "train" in command)
    again, _, processes = recorder(*run)
    assert again == release
    assert [loaded for _, loaded in processes] == [False]
    _, modules, _ = recorder("report", release.strip(), "--out", tmp_path / "site")
    assert 60 < len(entered | modules) < 118


def test_publish(recorder: Recorder, store: Path) -> None:
    """At most 40 files (60 in version 0.1)."""
    (run,) = (store / "runs").iterdir()
    release, entered, _ = recorder("publish", run, "--name", "other")
    assert "/releases/other/other-" in release
    assert 20 < len(entered) <= 40, sorted(entered)
