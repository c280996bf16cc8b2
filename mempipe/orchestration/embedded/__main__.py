"""The command line of the embedded Airflow."""

import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Final

import click
import typer
from rich.console import Console

from mempipe.errors import ExitCode, MempipeError
from mempipe.orchestration.embedded.components import free_port
from mempipe.orchestration.embedded.demo import DAG_ID, Demo, run_demo
from mempipe.orchestration.embedded.home import Home
from mempipe.orchestration.embedded.server import running

_PROJECT: Final = Path(__file__).resolve().parents[3]

app = typer.Typer(
    help="A whole Airflow on this machine: SQLite, LocalExecutor, reachable from this machine only.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

HomeOption = Annotated[Path, typer.Option("--home", help="Airflow's folder: configuration, database, logs.")]
StoreOption = Annotated[str, typer.Option("--store", help="Folder or URI that keeps runs and releases.")]


@app.command()
def demo(
    home: HomeOption = _PROJECT / ".airflow",
    store: StoreOption = str(_PROJECT / "mempipe-store"),
    spec: Annotated[Path, typer.Option(help="What is trained.")] = _PROJECT / "specs" / "digits.yaml",
    trials: Annotated[int, typer.Option(min=1, help="How many models in all.")] = 500,
    task_size: Annotated[int, typer.Option(min=1, help="Chunks that one training task covers.")] = 5,
) -> None:
    """Run the DAG once, show its progress and its release, end Airflow."""
    console = Console()
    run_demo(
        _home(home, store, free_port()),
        Demo(spec=spec.resolve(), store=_absolute(store), trials=trials, task_size=task_size),
        console,
    )


@app.command()
def ui(
    home: HomeOption = _PROJECT / ".airflow",
    store: StoreOption = str(_PROJECT / "mempipe-store"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the user interface; another if it is taken.")] = 8080,
) -> None:
    """Keep Airflow running, with the DAGs ready to trigger, until Ctrl-C."""
    console = Console()
    place = _home(home, store, free_port(port))
    console.print(f"Starting Airflow in {place.folder} …")
    with place.locked(), running(place, keep_parsing=True) as server:
        server.wait_for_dag(DAG_ID)
        console.print(f"Airflow's user interface: {place.url}/dags/{DAG_ID}", soft_wrap=True)
        console.print("Everyone on this machine is administrator there, without a password; no other machine can reach it.")
        console.print(f"Results go to {place.store}; logs are in {place.logs}. Ctrl-C ends it.", soft_wrap=True)
        ended = threading.Event()
        while not ended.wait(2.0):
            server.components.check()


def main() -> int:
    """Run the command line; return the exit code of mempipe's contract."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(prog_name="embedded", standalone_mode=False)
    except MempipeError as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted; what was committed is kept", file=sys.stderr)
        return 128 + signal.SIGINT
    except click.UsageError as error:
        print(f"Error: {error.format_message()}", file=sys.stderr)
        return ExitCode.PERMANENT
    return ExitCode.OK


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _home(folder: Path, store: str, port: int) -> Home:
    return Home(
        folder=folder.resolve(), dags=_PROJECT / "dags", specs=_PROJECT / "specs", store=_absolute(store), port=port
    )


def _absolute(store: str) -> str:
    return store if "://" in store else str(Path(store).expanduser().resolve())


if __name__ == "__main__":
    sys.exit(main())
