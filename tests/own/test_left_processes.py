"""Whatever ends a trainer, none of its processes stays, also not those in sessions of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mempipe.errors import ExitCode, TransientError
from tests.command import mempipe, run_folder
from tests.own.worlds import CODE, opened

ASIDE = "(setsid sleep {seconds} & ) ; echo started"
"""A process in a session of its own, whose parent has ended."""


def sleeps(seconds: str) -> list[str]:
    """The processes that sleep for so long."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == f"sleep\0{seconds}\0".encode():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


def test_silence() -> None:
    command = ["bash", "-c", ASIDE.format(seconds="98761") + "; sleep 98762; true"]
    with pytest.raises(TransientError, match=r"(?s)progress is none for .*started"):
        list(opened(command=command, silence_minutes=0.05).train(range(4), lambda _: None))
    assert not sleeps("98761")
    assert not sleeps("98762")


def test_a_good_end() -> None:
    program = f"{sys.executable} {CODE / 'program.py'}"
    command = ["bash", "-c", ASIDE.format(seconds="98763") + f"; exec {program}"]
    results = list(opened(1, command=command, params={"how": "logits"}).train([0], lambda _: None))
    assert [result.trial for result in results] == [0]
    assert not sleeps("98763")


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Starts `mempipe train` with a command that sleeps, and with temporary files in tmp_path."""

    def begin(*command: str) -> subprocess.Popen[bytes]:
        spec, store, temporary = tmp_path / "spec.yaml", tmp_path / "store", tmp_path / "temporary"
        temporary.mkdir()
        trainer = {"kind": "own", "command": command, "version": "1"}
        spec.write_text(json.dumps({"name": "sleeper", "data": {"name": "digits"}, "trainer": trainer, "trials": 1}))
        mempipe("plan", spec, "--store", store)
        return subprocess.Popen(
            [sys.executable, "-m", "mempipe", "train", str(run_folder(store)), "--trials", "0:1"],
            env=os.environ | {"TMPDIR": str(temporary)},
        )

    return begin


def test_mempipe_is_killed(start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    process = start("bash", "-c", ASIDE.format(seconds="98765") + "; sleep 98764; true")
    wait_until(lambda: bool(sleeps("98764") and sleeps("98765")))
    assert list((tmp_path / "temporary").iterdir())
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: not sleeps("98764") and not sleeps("98765"))
    wait_until(lambda: not list((tmp_path / "temporary").iterdir()))


def test_the_guard_is_killed(start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    process = start("sleep", "98766")
    wait_until(lambda: bool(sleeps("98766")))
    (guard,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(guard), signal.SIGKILL)
    assert process.wait() == ExitCode.TRANSIENT
    wait_until(lambda: not sleeps("98766"))
    assert not list((tmp_path / "temporary").iterdir())
