"""Shows the progress of a DAG run: a live table in a terminal, a line for each change in a log."""

import time
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mempipe.orchestration.embedded.api import TaskState

_STYLES: Final = {
    "success": "green",
    "running": "bold cyan",
    "failed": "bold red",
    "upstream_failed": "red",
    "skipped": "dim",
    "up_for_retry": "yellow",
}


def summarize(states: Iterable[str | None]) -> str:
    """Return the states of a mapped task's instances as `3 success, 1 running`; of a single task, its state."""
    counts = Counter(state or "waiting" for state in states)
    if sum(counts.values()) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {state}" for state, count in counts.most_common())


class RunView:
    """View of one DAG run; a context manager."""

    def __init__(self, console: Console, order: tuple[str, ...], *, trials: int) -> None:
        """Show tasks in this order, and the number of committed trials out of `trials`."""
        self._console = console
        self._order = order
        self._trials = trials
        self._begun = time.monotonic()
        self._summaries: dict[str, str] = {}
        self._live = Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None

    def __enter__(self) -> "RunView":
        """Start drawing."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep the last state on the screen."""
        if self._live is not None:
            self._live.stop()

    def update(self, tasks: Iterable[TaskState], n_committed: int | None) -> None:
        """Show these states; `n_committed` is None if it is unknown."""
        groups: dict[str, list[TaskState]] = {task_id: [] for task_id in self._order}
        for task in tasks:
            groups.setdefault(task.task_id, []).append(task)
        summaries = {task_id: summarize(task.state for task in group) for task_id, group in groups.items() if group}
        if self._live is not None:
            self._live.update(self._picture(groups, summaries, n_committed), refresh=True)
            return
        seconds = time.monotonic() - self._begun
        if n_committed is not None:
            summaries["trials"] = f"{n_committed} of {self._trials} committed"
        for what, now in summaries.items():
            if now != "waiting" and self._summaries.get(what) != now:
                self._console.print(f"{seconds:6.1f} s  {what}: {now}")
        self._summaries = summaries

    def _picture(self, groups: dict[str, list[TaskState]], summaries: dict[str, str], n_committed: int | None) -> Group:
        table = Table(box=None, pad_edge=False)
        table.add_column("task")
        table.add_column("state")
        table.add_column("seconds", justify="right")
        for task_id, group in groups.items():
            states = {task.state or "waiting" for task in group}
            style = next((_STYLES[state] for state in _STYLES if state in states and len(states) == 1), "")
            seconds = sum(task.seconds or 0.0 for task in group)
            table.add_row(task_id, Text(summaries.get(task_id, "waiting"), style), f"{seconds:.1f}" if seconds else "")
        n = n_committed or 0
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            "trials",
            ProgressBar(total=self._trials, completed=n, width=40),
            f"{n} of {self._trials} committed",
        )
        return Group(table, Text(), bar)
