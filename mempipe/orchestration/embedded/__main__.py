"""The command line of the embedded Airflow."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from mempipe.errors import ExitCode, MempipeError
from mempipe.orchestration.embedded.components import free_port
from mempipe.orchestration.embedded.demo import DAG_ID, Demo, run_demo
from mempipe.orchestration.embedded.home import Home
from mempipe.orchestration.embedded.server import running
from mempipe.spec.folder import specs_folder

_PROJECT: Final = Path(__file__).resolve().parents[3]


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return an exit code as `mempipe` does."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        options.command(options, Console(highlight=False))
    except MempipeError as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; what was committed is kept", file=sys.stderr)
        return 128 + signal.SIGINT
    return ExitCode.OK


def demo(options: argparse.Namespace, console: Console) -> None:
    """Run the DAG once, show its progress and its release, then end Airflow."""
    request = Demo(
        spec=options.spec.resolve(),
        store=_absolute(options.store),
        trials=options.trials,
        task_size=options.task_size,
    )
    run_demo(replace(_home(options, free_port()), automatic=False), request, console)


def ui(options: argparse.Namespace, console: Console) -> None:
    """Run Airflow, with the DAGs ready to trigger, until Ctrl-C."""
    home = _home(options, free_port(options.port))
    console.print(f"Starting Airflow in {home.folder} …", soft_wrap=True)
    with home.locked(), running(home, keep_parsing=True) as server:
        server.wait_for_dag(DAG_ID)
        console.print(f"User interface: {home.url}/dags/{DAG_ID}", soft_wrap=True)
        console.print(
            "Everyone on this machine is administrator there, without a password; no other machine can reach it.\n"
            f"Results: {home.store}; logs: {home.logs}. Ctrl-C ends it.",
            soft_wrap=True,
        )
        with suppress(KeyboardInterrupt):
            while not threading.Event().wait(2.0):
                server.components.check()
        console.print("Ending Airflow; what was committed is kept …")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mempipe.orchestration.embedded",
        description="A whole Airflow on this machine: SQLite, LocalExecutor, reachable from this machine only.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="demo|ui")
    for command in (demo, ui):
        options = commands.add_parser(
            command.__name__,
            help=command.__doc__,
            description=command.__doc__,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        options.set_defaults(command=command)
        options.add_argument("--home", type=Path, default=_PROJECT / ".airflow", help="configuration, database, logs")
        options.add_argument("--store", default=str(_PROJECT / "mempipe-store"), help="store of runs and releases")
        if command is demo:
            options.add_argument("--spec", type=Path, default=specs_folder() / "digits.yaml", help="path of the spec")
            options.add_argument("--trials", type=int, default=500, help="total number of models")
            options.add_argument("--task-size", type=int, default=5, help="chunks of one training task")
        else:
            options.add_argument("--port", type=int, default=8080, help="another one if it is in use")
    return parser


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _home(options: argparse.Namespace, port: int) -> Home:
    return Home(
        folder=options.home.resolve(),
        dags=_PROJECT / "dags",
        specs=specs_folder(),
        store=_absolute(options.store),
        port=port,
    )


def _absolute(store: str) -> str:
    return store if "://" in store else str(Path(store).expanduser().resolve())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
