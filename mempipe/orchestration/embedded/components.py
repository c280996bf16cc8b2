"""Airflow's components as child processes: started, watched and ended together, without orphans."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

from mempipe.orchestration.embedded.home import EmbeddedAirflowError, Home
from mempipe.parent_death import die_with_parent

LAUNCHER: Final = "mempipe.orchestration.embedded.launcher"

_GRACE_SECONDS: Final = 10.0


def free_port(*preferred: int) -> int:
    """Return a free port of this machine, from `preferred` if possible."""
    for port in (*preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise EmbeddedAirflowError("No port is free on 127.0.0.1.", hint="end programs that listen there.")


@dataclass(frozen=True)
class Component:
    """One process of Airflow.

    Attributes:
        name: its name, which is also the name of its log.
        log: path of its output.
        process: its process, in its own session, so that Ctrl-C in the terminal reaches only us.
    """

    name: str
    log: Path
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, home: Home, module: str, *arguments: str) -> "Component":
        """Start `python -m MODULE ARGUMENTS`."""
        name = arguments[0] if module == "airflow" else module.rpartition(".")[2]
        log = home.logs / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-m", module, *arguments],
                env=home.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        return cls(name, log, process)


@dataclass
class Components:
    """The processes of one embedded Airflow.

    Attributes:
        running: the processes in the order of their start.
        peak_bytes: the largest sum of memory that `memory` has measured, tasks included.
    """

    running: list[Component] = field(default_factory=list)
    peak_bytes: int = 0

    @classmethod
    def start(cls, home: Home, *, migrate: bool, keep_parsing: bool, forked: bool) -> "Components":
        """Start all of them; if one cannot be started, end the others.

        Args:
            home: their folder.
            migrate: create or upgrade the database first.
            keep_parsing: read the DAG files repeatedly, else once.
            forked: fork them from one process that imports Airflow once (only Linux), else start each separately.
        """
        components = cls()
        try:
            if migrate and not forked:
                components.run(home, "airflow", "db", "migrate")
            for command in _commands(migrate=migrate, keep_parsing=keep_parsing, forked=forked):
                components.running.append(Component.start(home, *command))
        except BaseException:
            components.stop()
            raise
        return components

    def run(self, home: Home, *command: str) -> None:
        """Run one command to its end."""
        component = Component.start(home, *command)
        self.running.append(component)
        component.process.wait()
        self.check()
        self.running.remove(component)

    def check(self) -> None:
        """Raise `EmbeddedAirflowError`, with the end of its log, if a component ended with an error."""
        for component in self.running:
            if component.process.poll() not in (None, 0):
                end = component.log.read_text(errors="replace").splitlines()[-15:]
                raise EmbeddedAirflowError(
                    f"Airflow's {component.name} ended with code {component.process.returncode}:\n" + "\n".join(end),
                    hint=f"read {component.log}.",
                )

    def memory(self) -> int:
        """Return the memory of all processes in bytes; shared memory is counted once."""
        total = 0
        for process in self._tree():
            with suppress(psutil.Error):
                info = process.memory_full_info()
                total += getattr(info, "pss", info.rss)
        self.peak_bytes = max(self.peak_bytes, total)
        return total

    def runs_commands(self) -> bool:
        """Return whether a task's `mempipe` command runs."""
        for process in self._tree():
            with suppress(psutil.Error):
                if process.cmdline()[1:4] == ["-P", "-m", "mempipe"]:
                    return True
        return False

    def stop(self) -> None:
        """End every component, in reverse order of start, and all child processes."""
        tree = self._tree()
        for component in reversed(self.running):
            component.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                component.process.wait(_GRACE_SECONDS)
        _, alive = psutil.wait_procs(tree, timeout=1)
        for process in alive:
            with suppress(psutil.Error):
                process.terminate()
        _, alive = psutil.wait_procs(alive, timeout=3)
        for process in alive:
            with suppress(psutil.Error):
                process.kill()
        for component in self.running:
            component.process.wait()

    def _tree(self) -> list[psutil.Process]:
        processes: dict[int, psutil.Process] = {}
        for component in self.running:
            with suppress(psutil.Error):
                root = psutil.Process(component.process.pid)
                for process in (root, *root.children(recursive=True)):
                    processes[process.pid] = process
        return list(processes.values())


def wait_for(
    condition: Callable[[], bool], components: Components, *, what: str, seconds: float, every: float = 0.2
) -> None:
    """Wait until `condition` holds; fails if a component ends.

    Raises:
        EmbeddedAirflowError: a component ended, or the time limit is reached.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        components.check()
        if time.monotonic() > deadline:
            raise EmbeddedAirflowError(
                f"Airflow is not ready: {what} took more than {seconds:.0f} s.",
                hint=f"read the logs in {components.running[0].log.parent}.",
            )
        time.sleep(every)


def _commands(*, migrate: bool, keep_parsing: bool, forked: bool) -> list[tuple[str, ...]]:
    if forked:
        return [(LAUNCHER, *["--migrate"] * migrate, *["--parse-once"] * (not keep_parsing))]
    # The API server reads the logs of the tasks from the same folder, so no log server is needed.
    return [
        ("airflow", "api-server"),
        ("airflow", "scheduler", "--skip-serve-logs"),
        ("airflow", "dag-processor", *(() if keep_parsing else ("--num-runs", "1"))),
    ]
