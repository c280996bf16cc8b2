"""Shows progress: a bar where a person watches, plain lines in a log."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mempipe.steps.progress import Advance, LineReporter, Reporter

_WIDTH_OF_A_FILE: Final = 120


def reporter() -> Reporter:
    """Return the reporter for this process's standard error."""
    return BarReporter() if sys.stderr.isatty() else LineReporter(sys.stderr)


def console() -> Console:
    """Return a console as wide as the terminal; of a fixed width where the output is a file."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDTH_OF_A_FILE, highlight=False)


class BarReporter:
    """Shows a progress bar with the time left."""

    def __init__(self) -> None:
        """Draw on standard error, so that standard output carries results only."""
        self._console = Console(stderr=True)

    def note(self, text: str) -> None:
        """Print one line above the bar."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def stage(self, label: str, *, total: float, unit: str) -> Iterator[Advance]:
        """Draw a bar while the stage lasts."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(label, total=total)

            def advance(amount: float) -> None:
                progress.advance(task, amount)

            yield advance
