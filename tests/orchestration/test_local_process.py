"""The local process: exit codes, streaming, and that nothing outlives the task."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from mempipe.orchestration.local_process import COMMAND, LocalProcessOperator

PYTHON = (sys.executable, "-c")


def operator(script: str, *arguments: str, **options: object) -> LocalProcessOperator:
    """Return a task whose command is a small program of the test."""
    return LocalProcessOperator(
        task_id="step", command=[*PYTHON, textwrap.dedent(script)], arguments=["step", *arguments], **options
    )


def test_the_command_is_ours_with_the_same_interpreter():
    assert (*COMMAND,) == (sys.executable, "-P", "-m", "mempipe")
    assert LocalProcessOperator(task_id="t", arguments=["plan"]).command == [sys.executable, "-P", "-m", "mempipe"]
    assert LocalProcessOperator.template_fields == ("arguments",)


def test_success_returns_nothing():
    assert operator("import sys; assert sys.argv[1:] == ['step', 'a b', '$HOME']", "a b", "$HOME").execute({}) is None


@pytest.mark.parametrize("code", [1, 2, 10])
def test_transient_codes_are_tried_again(code: int):
    with pytest.raises(AirflowException, match=f"ended with code {code}") as caught:
        operator(f"import sys; print('why'); sys.exit({code})").execute({})
    assert not isinstance(caught.value, AirflowFailException)
    assert str(caught.value).endswith("  why")


def test_a_permanent_code_is_not_tried_again():
    script = "import sys; print('Error: Spec …', file=sys.stderr); print('Hint: …', file=sys.stderr); sys.exit(20)"
    with pytest.raises(AirflowFailException) as caught:
        operator(script).execute({})
    assert str(caught.value).splitlines() == [
        "mempipe step ended with code 20: permanent, not tried again.",
        "  Error: Spec …",
        "  Hint: …",
    ]


def test_a_signal_is_tried_again():
    with pytest.raises(AirflowException, match="killed by SIGKILL") as caught:
        operator("import os, signal; os.kill(os.getpid(), signal.SIGKILL)").execute({})
    assert not isinstance(caught.value, AirflowFailException)


def test_an_error_repeats_only_the_end_of_the_output():
    with pytest.raises(AirflowException) as caught:
        operator("for i in range(1000): print('line', i)\nraise SystemExit(1)").execute({})
    lines = str(caught.value).splitlines()[1:]
    assert lines == [f"  line {i}" for i in range(980, 1000)]


class TimedLog:
    """Takes the place of a task's log and remembers when each line came."""

    def __init__(self) -> None:
        self.lines: dict[str, float] = {}

    def info(self, text: str, *arguments: object) -> None:
        self.lines[text % arguments] = time.monotonic()

    def warning(self, text: str) -> None:
        assert "cannot be called outside of the Task Runner" in text


def test_output_is_streamed_line_by_line(monkeypatch: pytest.MonkeyPatch):
    """Each line reaches the log while the command still runs, even one that is no UTF-8."""
    script = """
        import sys, time
        print("first")
        sys.stdout.buffer.write(b"caf\\xe9\\n")
        sys.stdout.flush()
        time.sleep(0.6)
        print("last", file=sys.stderr)
    """
    log = TimedLog()
    monkeypatch.setattr(LocalProcessOperator, "log", log)
    operator(script).execute({})
    assert log.lines["last"] - log.lines["first"] > 0.5
    assert "caf\ufffd" in log.lines
    assert next(iter(log.lines)).startswith(f"Running: {sys.executable} -c ")  # so that it can be repeated by hand


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def lives(pid: int) -> bool:
    """Return whether a process runs; a zombie has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


WORKER = """
import signal, sys
from mempipe.orchestration.local_process import LocalProcessOperator

command = [sys.executable, "-c", '''
import os, signal, subprocess, sys, time
if {stubborn}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("pids", os.getpid(), child.pid, flush=True)
time.sleep(60)
''']
task = LocalProcessOperator(task_id="step", command=command, arguments=["step"], grace_seconds=0.5)
signal.signal(signal.SIGTERM, lambda number, frame: task.on_kill())  # as Airflow's task runner does
task.execute({{}})
"""


@pytest.fixture
def start_worker():
    """Start a process that runs the operator as Airflow does; return it, and what the operator's command started."""
    started: list[subprocess.Popen[str]] = []
    pids: list[int] = []

    def start(*, stubborn: bool) -> tuple[subprocess.Popen[str], list[int]]:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER.format(stubborn=stubborn)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(worker)
        for line in worker.stdout or ():
            if matched := re.search(r"pids (\d+) (\d+)", line):
                pids.extend(map(int, matched.groups()))
                return worker, pids[-2:]
        raise AssertionError("the command did not start")

    yield start
    for worker in started:
        worker.kill()
        worker.communicate()
    for pid in filter(lives, pids):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("stubborn", [False, True])
def test_killing_the_task_ends_all_that_it_started(start_worker, stubborn: bool):
    worker, pids = start_worker(stubborn=stubborn)
    assert all(map(lives, pids))
    worker.send_signal(signal.SIGTERM)
    assert wait_until(lambda: not any(map(lives, pids)))
    assert worker.wait(10) != 0


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_the_command_ends_with_a_worker_that_was_killed(start_worker):
    worker, pids = start_worker(stubborn=False)
    worker.kill()
    assert wait_until(lambda: not lives(pids[0]))


def test_a_time_limit_ends_the_command(tmp_path: Path):
    """Airflow interrupts `execute` by an exception raised in a signal handler."""
    pid_file = tmp_path / "pid"
    task = operator(f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)")

    class Limit(BaseException):
        pass

    def interrupt(number: int, frame: object) -> None:
        raise Limit

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with pytest.raises(Limit):
            task.execute({})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert wait_until(lambda: not lives(int(pid_file.read_text())))
