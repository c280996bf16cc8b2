"""The demo: starts the embedded Airflow, runs the DAG on a small data set, shows the release, and ends Airflow."""

import json
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console

from mempipe.errors import ObjectNotFoundError, TransientError
from mempipe.orchestration import store_reader
from mempipe.orchestration.arguments import request_id
from mempipe.orchestration.embedded.api import FINISHED, Api, TaskState
from mempipe.orchestration.embedded.home import EmbeddedAirflowError, Home
from mempipe.orchestration.embedded.progress import RunView
from mempipe.orchestration.embedded.server import Server, running
from mempipe.storage.protocol import Store

DAG_ID: Final = "estimate_scores"
TASKS: Final = (
    "plan",
    "read_request",
    "missing_trials",
    "train",
    "validate",
    "repairs",
    "train_again",
    "validate_again",
    "aggregate",
    "publish",
    "announce",
)
"""The DAG's tasks in the order in which they run."""

_POLL_SECONDS: Final = 0.5
_KILL_SECONDS: Final = 10.0
_LAST_LINES: Final = 25


@dataclass(frozen=True)
class Demo:
    """Fields of the DAG's form for the demo."""

    spec: Path
    store: str
    trials: int
    task_size: int | None = None


@dataclass
class Phases:
    """Duration of each phase in seconds."""

    begun: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    def end(self, name: str) -> None:
        """End the current phase and give it this name."""
        now = time.monotonic()
        self.seconds[name] = now - self.begun
        self.begun = now

    def __str__(self) -> str:
        """Return `total s (phase s, …)`."""
        parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.seconds.items())
        return f"{sum(self.seconds.values()):.0f} s ({parts})"


def run_demo(home: Home, demo: Demo, console: Console) -> str:
    """Run the DAG once in an embedded Airflow, show its progress and its release; return the release's URI.

    Raises:
        EmbeddedAirflowError: Airflow did not start, or a task failed; its last lines are in the message.
    """
    phases = Phases()
    console.print(f"Starting Airflow (scheduler, API server, DAG processor) in {home.folder} …", soft_wrap=True)
    with home.locked():
        with running(home, keep_parsing=False) as server:
            server.wait_for_dag(DAG_ID)
            phases.end("Airflow's start")
            console.print(f"Airflow is up: {home.url} (no password, reachable from this machine only)", soft_wrap=True)
            run_id, n_committed = _run_dag(server, demo, console)
            phases.end("the DAG run")
            release = store_reader.published_release(demo.store, request_id(DAG_ID, run_id))
            # The summary is written while Airflow ends.
            summary = subprocess.Popen([sys.executable, "-P", "-m", "mempipe", "show", release])  # noqa: S603 - our own
        if summary.wait() != 0:
            raise EmbeddedAirflowError(f"Release cannot be shown: {release}.", hint=f"run `mempipe show {release}`.")
    phases.end("summary and end")
    peak = server.components.peak_bytes / 1e9
    summary_line = f"Done in {phases}; {n_committed} trials in the store; peak memory {peak:.1f} GB."
    console.print(f"{summary_line}\nRelease: {release}", soft_wrap=True)
    return release


def _run_dag(server: Server, demo: Demo, console: Console) -> tuple[str, int]:
    """Trigger the DAG and show its progress; return the DAG run's id and the number of committed trials."""
    api = server.api
    for old_run in api.active_runs(DAG_ID):  # the new DAG run would wait for it
        console.print(f"Ending the earlier DAG run {old_run}; its trials are kept", soft_wrap=True)
        api.fail(DAG_ID, old_run)
    conf = {"spec": str(demo.spec), "store": demo.store, "trials": demo.trials, "task_size": demo.task_size}
    run_id = api.trigger(DAG_ID, conf)
    try:
        n_committed = _follow(server, demo, run_id, console)
    except BaseException:
        _end_run(server, run_id)
        raise
    if api.run_state(DAG_ID, run_id) != "success":
        raise _failure(server.home, api, run_id)
    return run_id, n_committed


def _follow(server: Server, demo: Demo, run_id: str, console: Console) -> int:
    committed = _Committed(demo.store, request_id(DAG_ID, run_id))
    silence = 0
    with RunView(console, TASKS, trials=demo.trials) as view:
        while True:
            server.components.check()
            try:
                state = server.api.run_state(DAG_ID, run_id)
                tasks = server.api.tasks(DAG_ID, run_id)
            except httpx.HTTPError:  # SQLite may be busy
                silence += 1
                if silence > 20:
                    raise
                time.sleep(_POLL_SECONDS)
                continue
            silence = 0
            server.components.memory()
            view.update(tasks, committed.count())
            if state in FINISHED:
                return committed.count() or 0
            time.sleep(_POLL_SECONDS)


@dataclass
class _Committed:
    """Counts the committed trials of a DAG run's run."""

    store: str
    request: str
    _run: Store | None = None

    def count(self) -> int | None:
        from mempipe.places import SHARDS, parse_shard_key
        from mempipe.storage import open_store

        try:
            if self._run is None:
                self._run = open_store(store_reader.planned_run(self.store, self.request))
            spans = [parse_shard_key(info.key) for info in self._run.list(SHARDS)]
        except (ObjectNotFoundError, TransientError):
            return None
        return sum(len(span) for span in spans if span is not None)


def _end_run(server: Server, run_id: str) -> None:
    """Fail a DAG run and wait until Airflow has killed its tasks, so that Airflow then ends without delay."""
    with suppress(httpx.HTTPError):  # if Airflow itself fails, its processes are killed next
        server.api.fail(DAG_ID, run_id)
        deadline = time.monotonic() + _KILL_SECONDS
        while server.components.runs_commands() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def _failure(home: Home, api: Api, run_id: str) -> EmbeddedAirflowError:
    failed = [task for task in api.tasks(DAG_ID, run_id) if task.state == "failed"]
    if not failed:
        return EmbeddedAirflowError(
            f"DAG run {run_id} failed without a failed task.", hint=f"read the logs in {home.logs}."
        )
    first = min(failed, key=lambda task: (TASKS.index(task.task_id), task.map_index))
    path = log_path(home, run_id, first)
    lines = "\n".join(f"  {line}" for line in log_lines(path)[-_LAST_LINES:])
    which = f"{first.task_id} {first.label}".strip()
    return EmbeddedAirflowError(
        f"Task {which} failed in try {first.try_number}; the end of its log:\n{lines}",
        hint=f"read {path}; correct the cause and run the demo again: what is committed is kept.",
    )


def log_path(home: Home, run_id: str, task: TaskState) -> Path:
    """Return the path of the log of a task's last try."""
    folder = home.logs / f"dag_id={DAG_ID}" / f"run_id={run_id}" / f"task_id={task.task_id}"
    if task.map_index >= 0:
        folder /= f"map_index={task.map_index}"
    return folder / f"attempt={task.try_number}.log"


def log_lines(path: Path) -> list[str]:
    """Return the messages of a task's log, which has one JSON document in each line."""
    if not path.exists():
        return []
    lines = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            lines.append(str(json.loads(line)["event"]))
        except (ValueError, KeyError, TypeError):
            lines.append(line)
    return lines
