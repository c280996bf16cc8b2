"""Runs a program of the user: its output, its silence, its memory and its end.

A small process above it (guard.py) ends all of its processes, also when this one is killed.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any, Final

from mempipe.errors import ExitCode, InputError, MempipeError, TransientError
from mempipe.training.own import memory

_GUARD: Final = Path(__file__).with_name("guard.py")
_THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_LAST_LINES: Final = 12
_LINE_BYTES: Final = 400
_LOGGED_LINES: Final = 200
"""Lines of a program's output that are passed on to the log; the last ones are in the message of an error anyway."""
_EVENTS: Final = 1000
"""Events that wait; a program that prints faster than they are read waits too."""
_WATCH_SECONDS: Final = 2.0
"""Reading the memory of all processes takes some milliseconds."""
_END_SECONDS: Final = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """When a program is stopped.

    Attributes:
        silence_seconds: without progress.
        memory_bytes: of all its processes.
    """

    silence_seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class Line:
    """A line of the program's output."""

    text: str


@dataclass(frozen=True)
class Message:
    """What a Python trainer's process says to this one."""

    content: dict[str, Any]


@dataclass(frozen=True)
class End:
    """The program has ended; `code` as `subprocess.Popen.returncode`."""

    code: int


class Program:
    """A running program in a session of its own, below a guard.

    Args:
        command: the program and its arguments.
        folder: its working folder.
        task_folder: deleted if this process ends before the program does.
        threads: that numerical libraries may use.
        limits: when it is stopped.
        failure: makes the error of what it trains, of what went wrong and a hint.
        descriptors: open files that it inherits.
        messages: where its messages come from, one JSON document a line; None: it sends none.

    Raises:
        InputError: it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        task_folder: Path,
        threads: int,
        limits: Limits,
        failure: Callable[..., MempipeError],
        descriptors: Sequence[int] = (),
        messages: IO[bytes] | None = None,
    ) -> None:
        self.last = deque[str](maxlen=_LAST_LINES)
        self._limits = limits
        self._failure = failure
        self._events: Queue[Line | Message | End] = Queue(_EVENTS)
        self._n_logged = 0
        self._watched = time.monotonic()
        life, own_life = os.pipe()
        started, status = os.pipe()
        self._life = os.fdopen(own_life, "wb", buffering=0)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - what the spec's author wants to run
                [*(sys.executable, "-I", "-S", _GUARD, str(life), str(status), task_folder), *command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=_environment(threads),
                pass_fds=(life, status, *descriptors),
                start_new_session=True,
            )
        finally:
            os.close(life)
            os.close(status)
        with os.fdopen(started, "rb") as stream:
            number = stream.read()  # nothing, as soon as the program runs
        if number:
            with self._process:  # closes its output
                self.stop()
            raise InputError(
                f"Trainer cannot be started: program {command[0]} is missing or cannot be executed "
                f"({os.strerror(int(number))}).",
                hint="give an absolute path, or put its folder on PATH wherever mempipe trains.",
            )
        self._readers = [threading.Thread(target=self._read_output, daemon=True)]
        if messages is not None:
            self._readers.append(threading.Thread(target=self._read_messages, args=(messages,), daemon=True))
        for thread in (*self._readers, threading.Thread(target=self._await_end, daemon=True)):
            thread.start()
        self.heard()

    def heard(self) -> None:
        """Count its silence from now on."""
        self._heard = time.monotonic()

    def event(self) -> Line | Message | End:
        """Return what happens next.

        Raises:
            TransientError: it was silent for too long.
            TrialError: it held too much memory.
        """
        while True:
            if time.monotonic() - self._watched >= _WATCH_SECONDS:
                self._watch()
            try:
                event = self._events.get(timeout=_WATCH_SECONDS)
            except Empty:
                continue
            if isinstance(event, Line):
                self._note(event.text)
            return event

    def error(self, code: int) -> MempipeError:
        """Return the error of its end with a code other than 0, with the last lines of its output."""
        how = f"signal {_signal_name(-code)}" if code < 0 else f"code {code}"
        failed = self._failure(f"ended with {how}, expected code 0{self._tail()}", hint="see the lines above.")
        if code == ExitCode.TRANSIENT or code < 0:
            return TransientError(failed.message, hint="run the same command again; committed chunks are kept.")
        return failed

    def stop(self) -> None:
        """End all of its processes, wherever they are."""
        with self._life, suppress(BrokenPipeError):  # the guard has ended, and before it all others
            self._life.write(b"stop")
        self._process.wait()

    def _watch(self) -> None:
        self._watched = time.monotonic()
        silent = self._watched - self._heard
        if silent > self._limits.silence_seconds:
            limit = f"{self._limits.silence_seconds / 60:.3g} minutes, trainer.silence_minutes"
            failed = self._failure(
                f"progress is none for {silent / 60:.3g} minutes, expected some within {limit}{self._tail()}",
                hint="report progress more often, raise trainer.silence_minutes, or find what hangs.",
            )
            raise TransientError(failed.message, hint=failed.hint)
        held = memory.exceeds(self._limits.memory_bytes)
        if held is not None:
            limit = f"at most {self._limits.memory_bytes / 1e9:.3g} GB"
            raise self._failure(
                f"memory is {held / 1e9:.3g} GB, expected {limit}{self._tail()}",
                hint="find what grows, or raise trainer.memory_gb.",
            )

    def _note(self, text: str) -> None:
        self.last.append(text)
        self._n_logged += 1
        if self._n_logged <= _LOGGED_LINES:
            _log.info("trainer: %s", text)
        elif self._n_logged == _LOGGED_LINES + 1:
            _log.info("trainer: … further output is not shown")

    def _tail(self) -> str:
        return "".join([", last lines:" if self.last else "", *(f"\n  {line}" for line in self.last)])

    def _read_output(self) -> None:
        """Put each line into the queue, of a long one its beginning."""
        stream = self._process.stdout
        if stream is None:
            return
        with stream:
            begun = True
            while line := stream.readline(_LINE_BYTES):
                if begun:
                    self._events.put(Line(line.decode(errors="replace").rstrip()))
                begun = line.endswith(b"\n")

    def _read_messages(self, messages: IO[bytes]) -> None:
        with messages:
            for line in messages:
                self._events.put(Message(json.loads(line)))

    def _await_end(self) -> None:
        code = self._process.wait()
        for reader in self._readers:
            reader.join(_END_SECONDS)  # if its guard is killed, a process that stays may hold its output open
        self._events.put(End(code))


def _environment(threads: int) -> Mapping[str, str]:
    """Return the environment: fixed threads and hashes, output that is not held back, and the same `PYTHONPATH`.

    The program runs in another folder, so relative folders on `PYTHONPATH` become absolute.
    """
    fixed = {"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}
    if places := os.environ.get("PYTHONPATH"):
        fixed["PYTHONPATH"] = os.pathsep.join(
            str(Path(place).absolute()) for place in places.split(os.pathsep) if place
        )
    return os.environ | dict.fromkeys(_THREAD_VARIABLES, str(threads)) | fixed


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
