"""Trains the missing chunks of a run with several local processes of `mempipe train`, as pods would."""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Queue
from typing import Final

from mempipe.errors import ExitCode, MempipeError, TransientError
from mempipe.parent_death import die_with_parent
from mempipe.runs import Goal, Span
from mempipe.steps.progress import SECONDS_VARIABLE, Advance, Reporter, parse_progress

TRIES: Final = 3

_LAST_LINES: Final = 24
_INTERRUPT_SECONDS: Final = 10


def share(chunks: Sequence[Span], n_workers: int) -> list[Span]:
    """Return at most `n_workers` spans that cover `chunks` in order, with about as many trials to train each.

    A span may hold committed chunks between missing ones; `mempipe train` skips them.
    """
    total = sum(len(chunk) for chunk in chunks)
    parts: list[list[Span]] = [[] for _ in range(min(n_workers, len(chunks)))]
    before = 0
    for chunk in chunks:
        middle = before + len(chunk) / 2
        parts[min(len(parts) - 1, int(middle * len(parts) / total))].append(chunk)
        before += len(chunk)
    return [Span(part[0].start, part[-1].stop) for part in parts if part]


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def train_missing(goal: Goal, reporter: Reporter, *, n_workers: int | None) -> None:
    """Train the missing trials of a run in local processes.

    Args:
        goal: the run and its trials.
        reporter: receives progress, and a note of the run's role if trials are missing.
        n_workers: number of processes; None: cores divided by the threads of a process.
    """
    chunks = goal.missing()
    if not chunks:
        return
    if goal.role:
        reporter.note(goal.role)
    spans = share(chunks, n_workers or n_cores() // goal.run.record.spec.trainer.threads or 1)
    train_in_processes(goal.run.uri, spans, reporter, total=sum(len(chunk) for chunk in chunks))


def train_in_processes(run_uri: str, spans: Sequence[Span], reporter: Reporter, *, total: int) -> None:
    """Train each span in its own process, concurrently; transient failures are retried.

    Raises:
        MempipeError: a process failed permanently; its last lines are in the message.
    """
    lines: Queue[tuple[int, str | None]] = Queue()
    workers = [_Worker(index, run_uri, span) for index, span in enumerate(spans)]
    try:
        with reporter.stage("training", total=total, unit="trials") as advance:
            for worker in workers:
                worker.start(lines)
            running = len(workers)
            while running:
                index, line = lines.get()
                if line is not None:
                    workers[index].read(line, advance)
                elif workers[index].ended(lines, reporter):
                    running -= 1
    finally:
        for worker in workers:
            worker.stop()


@dataclass
class _Worker:
    """One process of `mempipe train`, started again after a transient failure."""

    index: int
    run_uri: str
    span: Span
    tries: int = 0
    n_done: float = 0.0
    process: subprocess.Popen[str] | None = None

    def start(self, lines: "Queue[tuple[int, str | None]]") -> None:
        """Start the process and a thread that forwards its lines."""
        self.tries += 1
        self.n_done = 0.0
        self.last = deque[str](maxlen=_LAST_LINES)
        command = [sys.executable, "-P", "-m", "mempipe", "train", self.run_uri]  # -P: no files of the working folder
        command += ["--trials", f"{self.span.start}:{self.span.stop}"]
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | {SECONDS_VARIABLE: "0.5"},
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
        threading.Thread(target=self._forward, args=(self.process, lines), daemon=True).start()

    def read(self, line: str, advance: Advance) -> None:
        """Process one line: progress advances the bar, other lines are kept for error messages."""
        progress = parse_progress(line)
        if progress is None:
            self.last.append(line)
            return
        advance(max(0.0, progress[1] - self.n_done))
        self.n_done = max(self.n_done, progress[1])

    def ended(self, lines: "Queue[tuple[int, str | None]]", reporter: Reporter) -> bool:
        """Return whether the worker is finished; start it again after a transient failure."""
        if self.process is None:
            return True
        code = self.process.wait()
        if code == ExitCode.OK:
            return True
        trials = f"trials {self.span.start} to {self.span.stop - 1}"
        output = "\n".join(f"  {line}" for line in self.last)
        if code == ExitCode.PERMANENT:
            raise MempipeError(
                f"Training failed: {trials} ended with code {code}:\n{output}", hint="see the lines above."
            )
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
        if self.tries >= TRIES:
            raise TransientError(
                f"Training failed {TRIES} times: {trials} ended with {how}, last:\n{output}",
                hint="run the same command again; committed chunks are kept.",
            )
        reporter.note(f"{trials} ended with {how}, starting again")
        self.start(lines)
        return False

    def stop(self) -> None:
        """End the process and its children if it still runs."""
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(_INTERRUPT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _forward(self, process: "subprocess.Popen[str]", lines: "Queue[tuple[int, str | None]]") -> None:
        if process.stdout is not None:
            with process.stdout as stream:
                for line in stream:
                    lines.put((self.index, line.rstrip()))
        lines.put((self.index, None))
