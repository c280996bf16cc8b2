"""Runs one `mempipe` command as a local process of the Airflow worker: the embedded default."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final, cast

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.context import Context

from mempipe.orchestration.outcome import LAST_LINES, failure
from mempipe.parent_death import die_with_parent

COMMAND: Final = (sys.executable, "-P", "-m", "mempipe")  # -P: no files of the working folder

Arguments = list[str] | Callable[..., list[str]]
"""A command's arguments, or a callable that returns them from the task's context when the task runs."""


class LocalProcessOperator(BaseOperator):
    """Run `mempipe ARGUMENTS` and stream its output into the task's log.

    The process leads its own session, so that killing the task ends all of the command's processes. It also ends when
    the worker itself is killed.

    Args:
        arguments: arguments of the command; templated.
        command: the command before its arguments: the interpreter that runs Airflow, with `-m mempipe`.
        grace_seconds: time between SIGTERM and SIGKILL; Airflow kills the worker 5 s after its own SIGTERM.
    """

    template_fields: ClassVar[Sequence[str]] = ("arguments",)  # type: ignore[misc]
    template_fields_renderers: ClassVar[dict[str, str]] = {"arguments": "json"}
    ui_color = "#e8f4ea"

    def __init__(
        self, *, arguments: Arguments, command: Sequence[str] = COMMAND, grace_seconds: float = 4.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.arguments = arguments
        self.command = list(command)
        self.grace_seconds = grace_seconds
        self._process: subprocess.Popen[str] | None = None
        self._killed = False

    def execute(self, context: Context) -> None:  # noqa: ARG002 - all it needs is in the arguments
        """Run the command to its end; raise the exception for its exit code."""
        last: deque[str] = deque(maxlen=LAST_LINES)
        arguments = cast("list[str]", self.arguments)  # rendered by now
        self.log.info("Running: %s", shlex.join([*self.command, *arguments]))
        process = self._start(arguments)
        try:
            for line in process.stdout or ():
                last.append(line.rstrip("\n"))
                self.log.info("%s", last[-1])
            code = process.wait()
        finally:  # also when Airflow's time limit interrupts the loop
            self._end()
            if process.stdout is not None:
                process.stdout.close()
        if code != 0:
            detail = "The task was killed." if self._killed else ""
            raise failure(code, what=f"mempipe {arguments[0]}", detail=detail, last_lines=last)

    def on_kill(self) -> None:
        """End the command and its child processes."""
        self._killed = True
        self._end()

    def _start(self, arguments: list[str]) -> "subprocess.Popen[str]":
        self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            [*self.command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            bufsize=1,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
        return self._process

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + self.grace_seconds
        while _group_lives(process) and time.monotonic() < deadline:
            time.sleep(0.05)
        _signal_group(process.pid, signal.SIGKILL)


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _group_lives(process: "subprocess.Popen[str]") -> bool:
    process.poll()  # reaps the leader, which as a zombie would still count as alive
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
