"""Great Expectations takes seconds to load: one process of a run does, and none where nothing has to be checked."""

import os
from pathlib import Path

import pytest

from tests.command import mempipe

RECORDER = """
import atexit, os, sys

def record():
    with open(os.path.join({folder!r}, str(os.getpid())), "w") as file:
        file.write(" ".join(sys.orig_argv) if "great_expectations" in sys.modules else "")

atexit.register(record)
"""


def test_one_process_of_a_run_loads_great_expectations(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module of Python loads once in a process; training, counting and a second run do without it."""
    processes = tmp_path / "processes"
    processes.mkdir()
    (tmp_path / "sitecustomize.py").write_text(RECORDER.format(folder=str(processes)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    run = ("run", spec, "--store", tmp_path / "store", "--workers", "2")
    release = mempipe(*run).stdout
    loaded = [path.read_text() for path in processes.iterdir()]
    assert len(loaded) == 3  # the run, and two that train
    assert [" run " in command for command in loaded if command] == [True]
    for path in processes.iterdir():
        path.unlink()
    assert mempipe(*run).stdout == release
    assert [path.read_text() for path in processes.iterdir()] == [""]
