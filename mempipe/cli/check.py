"""`mempipe check` shows what a dry run found."""

import json
from dataclasses import asdict

from rich.table import Table

from mempipe.cli.terminal import console
from mempipe.spans import Span
from mempipe.steps.check import CheckReport, check
from mempipe.steps.progress import reporter
from mempipe.validation.order import OrderTest


def print_check(spec: str, *, trials: Span | None, n_workers: int | None, as_json: bool) -> None:
    """Try a spec with tiny trials and print what they showed."""
    report = check(spec, reporter(), trials=trials, n_workers=n_workers)
    if as_json:
        print(json.dumps(asdict(report), indent=1))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(report):
        table.add_row(name, value)
    screen = console()
    n = len(report.warnings)
    passed = f"passed with {n} warning{'s' if n > 1 else ''}" if n else "passed"
    screen.print(f"{report.name}: {passed}", style="bold", soft_wrap=True)
    screen.print(table)
    for warning in report.warnings:
        screen.print(f"Warning: {warning}.", markup=False, soft_wrap=True)


def _rows(report: CheckReport) -> list[tuple[str, str]]:
    cost = report.cost
    again = "equal bytes" if report.is_deterministic else "other outcomes, as `deterministic: false` allows"
    rows = [
        ("data", report.data),
        ("trainer", report.trainer),
        ("tiny trials", f"on {report.n_seen} examples ({report.device}): lengths fit, all numbers are finite"),
        ("trained again", f"in a new trainer: {again}"),
        ("order, train", _order(report.train_order, "examples that the trial saw")),
    ]
    if report.test_order is not None:
        rows.append(("order, test", _order(report.test_order, "test examples")))
    return [
        *rows,
        ("estimated from", report.basis),
        ("a trial", duration(cost.seconds_per_trial)),
        ("start of a process", f"{duration(report.start_up_seconds)} until its first trial"),
        ("memory", f"{size(report.peak_memory)} at most in a process and its children"),
        ("whole run", f"{cost.n_trials} trials in {cost.n_chunks} shards and {cost.n_tasks} tasks"),
        ("shards", size(cost.shard_bytes)),
        ("training", f"{duration(3600 * cost.core_hours)} of one core, a process for each task"),
        ("", f"{duration(3600 * cost.hours)} here, with {cost.n_workers} processes that do not slow each other down"),
    ]


def _order(test: OrderTest, of: str) -> str:
    return f"{test.accuracy:.1%} of the {of} are right; in random orders at most {test.largest_random:.1%}"


def duration(seconds: float) -> str:
    """Return a duration in seconds, minutes or hours, with three digits."""
    for unit, length in (("hours", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.3g} {unit}" if seconds < 1000 * length else f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.3g} s"


def size(n_bytes: int) -> str:
    """Return a size in decimal units, with three digits."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n_bytes >= length:
            return f"{n_bytes / length:,.3g} {unit}"
    return f"{n_bytes} bytes"
