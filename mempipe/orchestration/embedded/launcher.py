"""Starts Airflow's components from one process that has imported Airflow once; on Linux only.

Each of them imports Airflow, which takes 3 to 7 s of a core, and so does each task. Forked from here, they share these
imports. Tasks are forked from the scheduler's workers and share the imports of the DAGs and of our steps, too.

`python -m mempipe.orchestration.embedded.launcher [--migrate] [--parse-once]`, with `AIRFLOW_HOME` set; SIGTERM ends
all components. Each component runs Airflow's own command line.
"""

import gc
import importlib
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

API_MODULES: Final = ("airflow.cli.commands.api_server_command", "airflow.api_fastapi.app")
"""Modules of the API server; it takes longest to start, so it is forked first."""

MODULES: Final = (
    "airflow.cli.commands.scheduler_command",
    "airflow.cli.commands.dag_processor_command",
    "airflow.dag_processing.dagbag",
    "airflow.dag_processing.processor",
    "airflow.executors.local_executor",
    "airflow.providers.standard.decorators.python",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "mempipe.orchestration.container_task",
    "mempipe.orchestration.assets",
    "mempipe.runs",
    "mempipe.storage",
)
"""Modules of the other components and the tasks."""


def main(options: list[str]) -> int:
    """Start the components and wait; return 0 after SIGTERM, or the exit code of the first that ended with an error."""
    home = Path(os.environ["AIRFLOW_HOME"])
    _load(("airflow.__main__",))
    if "--migrate" in options:
        code = os.waitstatus_to_exitcode(os.waitpid(_fork(home, "db", "migrate"), 0)[1])
        if code != 0:
            return code
    family = _Family()
    signal.signal(signal.SIGTERM, family.end)
    _load(API_MODULES)
    family.start(home, "api-server")
    _load(MODULES)
    family.start(home, "scheduler", "--skip-serve-logs")
    family.start(home, "dag-processor", *(("--num-runs", "1") if "--parse-once" in options else ()))
    return family.wait()


class _Family:
    """The forked components; they end together."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._ended = False

    def start(self, home: Path, *command: str) -> None:
        """Fork a component, unless the launcher is ending."""
        if not self._ended:
            self._names[_fork(home, *command)] = command[0]

    def end(self, _number: int = signal.SIGTERM, _frame: object = None) -> None:
        """Send SIGTERM to all; to the API server only after the scheduler, whose tasks report their end to it."""
        self._ended = True
        first = {pid for pid, name in list(self._names.items()) if name != "api-server"}
        for pid in first or list(self._names):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def wait(self) -> int:
        """Wait until all have ended; return 0, or the exit code of the first that failed by itself."""
        failed = 0
        while self._names:
            pid, status = os.wait()
            name, code = self._names.pop(pid, ""), os.waitstatus_to_exitcode(status)
            if name and code != 0 and not self._ended:
                print(f"{name} ended with code {code}; see {name}.log", flush=True)
                failed = abs(code)
                self._ended = True
            if self._ended:
                self.end()
        return failed


def _load(modules: tuple[str, ...]) -> None:
    for module in modules:
        importlib.import_module(module)


def _fork(home: Path, *command: str) -> int:
    """Run `airflow COMMAND` in a child process, with its output in its own log; return the process id."""
    gc.collect()
    gc.freeze()  # keeps memory shared: a child's garbage collector does not write to it
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _run(home, command)
    return pid


def _run(home: Path, command: tuple[str, ...]) -> NoReturn:
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        log = os.open(home / "logs" / f"{command[0]}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        sys.argv = ["airflow", *command]
        from airflow.__main__ import main as airflow

        airflow()  # type: ignore[no-untyped-call]
        code = 0
    except SystemExit as request:
        code = request.code if isinstance(request.code, int) else int(request.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
