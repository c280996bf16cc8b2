"""`mempipe ls` lists a store; `mempipe status` shows the progress of a run."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mempipe.catalog.releases import ReleaseEntry, list_releases
from mempipe.catalog.results import ResultEntry, list_results
from mempipe.catalog.runs import RunEntry, list_runs
from mempipe.catalog.status import RunStatus, run_status
from mempipe.cli.terminal import console
from mempipe.runs import open_run
from mempipe.runs.bank import bank_note
from mempipe.storage import open_store


def print_store(uri: str, *, as_json: bool) -> None:
    """Print the runs, releases and experiments' results of a store."""
    root = open_store(uri)
    runs, releases, results = list_runs(root), list_releases(root), list_results(root)
    if as_json:
        listing = {
            "store": root.uri,
            "runs": [asdict(run) for run in runs],
            "releases": [asdict(release) for release in releases],
            "results": [asdict(result) for result in results],
        }
        _print_json(listing)
        return
    screen = console()
    screen.print(root.uri, soft_wrap=True)
    if not runs and not releases and not results:
        screen.print("No runs, releases or results.")
    _print_table(screen, "Runs", ("run", "trials", "planned", "state"), [_run_row(run) for run in runs])
    columns = ("name", "release", "trials", "created", "")
    _print_table(screen, "Releases", columns, [_release_row(release) for release in releases])
    _print_table(screen, "Results", ("experiment", "release", "result"), [_result_row(result) for result in results])


def print_status(run_uri: str, *, as_json: bool) -> None:
    """Print the progress of a run."""
    now = datetime.now(UTC)
    run = open_run(open_store(run_uri))
    status = run_status(run, now=now)
    if as_json:
        _print_json(asdict(status))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in [*_status_rows(status, now), ("bank", bank_note(run, status.trials - status.first))]:
        table.add_row(name, Text(value))  # no markup: the bank's note has brackets
    screen = console()
    screen.print(status.uri, soft_wrap=True)
    screen.print(table)


def _run_row(run: RunEntry) -> tuple[str, ...]:
    if run.problem is not None:
        return run.id, str(run.n_done), "", run.problem
    if run.n_planned is None:
        return run.id, str(run.n_done), "", "not planned"
    missing = run.n_planned - run.n_done
    span = f"{run.first}:{run.trials}" if run.first else str(run.trials)
    return run.id, str(run.n_done), span, f"{missing} missing" if missing else "complete"


def _release_row(release: ReleaseEntry) -> tuple[str, ...]:
    if release.created is None:
        return release.name, release.id, "", "", release.problem or ""
    latest = "latest" if release.is_latest else ""
    return release.name, release.id, str(release.n_trials), _time(release.created), latest


def _result_row(result: ResultEntry) -> tuple[str, ...]:
    return result.experiment, result.release, result.key


def _status_rows(status: RunStatus, now: datetime) -> list[tuple[str, str]]:
    n_planned = status.trials - status.first
    rows = [
        ("planned", f"{n_planned} trials ({status.first} to {status.trials - 1})"),
        ("done", f"{status.n_done} ({status.n_done / n_planned:.0%})"),
        ("missing", str(status.n_missing)),
        ("stored", f"{status.n_bytes / 1e6:,.1f} MB of shards"),
        ("quarantined", f"{status.n_quarantined} trials of shards that were moved aside"),
    ]
    if status.rate is not None:
        rows.append(("rate", f"{status.rate.trials_per_hour:.1f} trials per hour, newest {_time(status.rate.newest)}"))
    if status.n_missing:
        rows.append(("estimated end", _end(status, now)))
    rows.append(("validated", "yes" if status.is_validated else "no"))
    rows.append(("released", ", ".join(status.releases) or "no"))
    return rows


def _end(status: RunStatus, now: datetime) -> str:
    if status.end is not None:
        return _time(status.end)
    if status.rate is None:
        return "unknown: no chunk was timed yet"
    hours = (now - status.rate.newest).total_seconds() / 3600
    return f"unknown: nothing was committed for {hours:.1f} hours"


def _print_table(screen: Console, title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for column in columns:
        numeric = column in {"trials", "planned"}
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for row in rows:
        table.add_row(*row)
    screen.print(table)


def _print_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, indent=1, default=_encoded))


def _encoded(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
