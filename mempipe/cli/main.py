"""Entry point of `mempipe`: runs a command and turns its errors into messages and exit codes."""

import logging
import os
import signal
import sys
from typing import Final, NoReturn

import typer
from typer.exceptions import TyperException

from mempipe.cli.app import app
from mempipe.errors import ExitCode, MempipeError

_EXTRAS: Final = {
    "great_expectations": "pipeline",
    "mlcroissant": "pipeline",
    "numba": "pipeline",
    "pandas": "pipeline",
    "PIL": "pipeline",
    "google": "gcs",
    "keras": "train",
    "tensorflow": "train",
}
"""The extra of `mempipe` that installs each optional package."""


def main() -> NoReturn:
    """Run the command line and end the process: 0 ok, 10 transient (try again), 20 permanent (do not)."""
    _show_log()
    # The first process of a container has no default action for SIGTERM: it would be killed after the grace period.
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; the message of an error goes to standard error."""
    try:
        result = app(arguments or ["--help"], prog_name="mempipe", standalone_mode=False)
        sys.stdout.flush()
    except MempipeError as error:
        return _fail(error.message, error.hint, error.exit_code)
    except TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "mempipe")
        return _fail(f"Command cannot be run: {error.format_message()}", f"see `{command} --help`.", ExitCode.PERMANENT)
    except typer.Exit as ended:
        return ended.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted; what was committed is kept", file=sys.stderr)
        return 128 + 2
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in _EXTRAS:
            raise
        return _fail(
            f"Command cannot be run: the package {package} is missing, expected it to be installed.",
            f"pip install 'mempipe[{_EXTRAS[package]}]'.",
            ExitCode.PERMANENT,
        )
    except BrokenPipeError:  # typer and rich do the same for the writes before the last one
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        return _fail(
            f"Operating system refused:{where} {error.strerror or error}.",
            "check space and permissions, then run the same command again; what was committed is kept.",
            ExitCode.PERMANENT,
        )
    return result if isinstance(result, int) else ExitCode.OK


def _terminate(number: int, _frame: object) -> NoReturn:
    print("ended by SIGTERM; what was committed is kept", file=sys.stderr, flush=True)
    sys.exit(128 + number)


def _show_log() -> None:
    """Write the package's log, such as resumed trials and damaged checkpoints, to standard error."""
    log = logging.getLogger("mempipe")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def _fail(message: str, hint: str, code: ExitCode) -> int:
    print(f"Error: {message}\nHint: {hint}", file=sys.stderr, flush=True)
    return code
