"""Progress of a step: a bar in a terminal, lines in a log."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol, TextIO

SECONDS_VARIABLE: Final = "MEMPIPE_PROGRESS_SECONDS"
"""Environment variable: seconds between two progress lines."""


class Advance(Protocol):
    """Advances the progress of a stage by `amount` units."""

    def __call__(self, amount: float) -> None:
        """Count `amount` units as done."""
        ...


class Reporter(Protocol):
    """Receives a step's progress and notes."""

    def note(self, text: str) -> None:
        """Receive one line of text."""
        ...

    def stage(self, label: str, *, total: float, unit: str) -> AbstractContextManager[Advance]:
        """Open a stage of `total` units; yields the function that advances it."""
        ...


class LineReporter:
    """Writes `progress: training 12.5 of 100 trials` every few seconds; another process can read it."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream
        self._seconds = float(os.environ.get(SECONDS_VARIABLE, "5"))

    def note(self, text: str) -> None:
        """Write one line."""
        print(text, file=self._stream, flush=True)

    @contextmanager
    def stage(self, label: str, *, total: float, unit: str) -> Iterator[Advance]:
        """Write the progress of a stage every few seconds and at its end."""
        n_done = 0.0
        begun = last = time.monotonic()

        def line() -> str:
            return f"progress: {label} {n_done:.1f} of {total:g} {unit}"

        def advance(amount: float) -> None:
            nonlocal n_done, last
            n_done += amount
            if time.monotonic() - last >= self._seconds:
                last = time.monotonic()
                self.note(f"{line()}, {last - begun:.0f} s")

        yield advance
        self.note(f"{line()}, {time.monotonic() - begun:.0f} s")


class BarReporter:
    """Shows a progress bar with the time left."""

    def __init__(self) -> None:
        """Draw on standard error, so that standard output carries results only."""
        from rich.console import Console

        self._console = Console(stderr=True)

    def note(self, text: str) -> None:
        """Print one line above the bar."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def stage(self, label: str, *, total: float, unit: str) -> Iterator[Advance]:
        """Draw a bar while the stage lasts."""
        from rich import progress as bars

        columns = (
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn(unit),
            bars.TimeElapsedColumn(),
            bars.TimeRemainingColumn(),
        )
        with bars.Progress(*columns, console=self._console) as progress:
            task = progress.add_task(label, total=total)

            def advance(amount: float) -> None:
                progress.advance(task, amount)

            yield advance


class SilentReporter:
    """Reports nothing."""

    def note(self, text: str) -> None:
        """Drop the line."""

    @contextmanager
    def stage(self, label: str, *, total: float, unit: str) -> Iterator[Advance]:  # noqa: ARG002 - a Reporter's
        """Count nothing."""
        yield lambda _amount: None


def reporter() -> Reporter:
    """Return the reporter for this process's standard error."""
    return BarReporter() if sys.stderr.isatty() else LineReporter(sys.stderr)


def parse_progress(line: str) -> tuple[str, float, float] | None:
    """Return (label, done, total) of a `LineReporter`'s line, or None for any other line."""
    words = line.split()
    if len(words) < 6 or words[0] != "progress:" or "of" not in words:
        return None
    at = words.index("of")
    try:
        return " ".join(words[1 : at - 1]), float(words[at - 1]), float(words[at + 1])
    except (ValueError, IndexError):
        return None
