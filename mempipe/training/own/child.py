"""The process of a Python trainer: `python -P -m mempipe.training.own.child TASK.json READ WRITE`.

It asks the process that started it for trials over one pipe and tells it over another what is done; both carry a JSON
document a line. Predictions go through the files of each trial's folder.
"""

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

from mempipe import plugins
from mempipe.data import load_dataset
from mempipe.errors import ExitCode, MempipeError, PluginError
from mempipe.spec import Component
from mempipe.training.own.folder import write_arrays
from mempipe.training.own.trials import Trials, predictions


class Entry(Protocol):
    """What `trainer.entry` names: any object; that it can be called is checked by calling it."""


_ENTRY: Final = plugins.ExtensionPoint("trainer", "mempipe.trainers", dict, Entry)
_END_SECONDS: Final = 10
"""For the trainer's threads and exit functions when it has ended."""


class PipeHost:
    """The process that started this one, as the host of a trainer's trials."""

    def __init__(self, read: int, write: int) -> None:
        for descriptor in (read, write):
            os.set_inheritable(descriptor, False)
        self._read = os.fdopen(read, "rb")
        self._write = os.fdopen(write, "wb")
        self._lock = threading.Lock()
        self._folders: dict[int, Path] = {}

    def draw(self) -> tuple[int, Path] | None:
        """Return the next trial and its folder, or None after the last."""
        answer = self._ask({"draw": True})
        if answer["trial"] is None:
            return None
        drawn = answer["trial"], Path(answer["folder"])
        self._folders[drawn[0]] = drawn[1]
        return drawn

    def progress(self, trial: int, fraction: float) -> None:
        """Send which part of a trial is done."""
        with self._lock:
            self._send({"progress": trial, "fraction": float(fraction)})

    def checkpoint(self, trial: int) -> None:
        """Wait until the files of a trial's checkpoint are kept."""
        self._ask({"checkpoint": trial})

    def finish(self, trial: int, arrays: dict[str, Any]) -> None:
        """Write the predictions of a trial and wait until they are accepted."""
        if trial in self._folders:
            write_arrays(self._folders.pop(trial), arrays)
        self._ask({"finish": trial})

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._send(message)
            line = self._read.readline()
        if not line:
            os._exit(ExitCode.TRANSIENT)  # the other process is gone
        return dict(json.loads(line))

    def _send(self, message: dict[str, Any]) -> None:
        self._write.write(json.dumps(message).encode() + b"\n")
        self._write.flush()


def main() -> NoReturn:
    """Train the trials that the other process gives, and end the process as every mempipe command does."""
    task = json.loads(Path(sys.argv[1]).read_text())
    host = PipeHost(int(sys.argv[2]), int(sys.argv[3]))
    data = Component.model_validate(task["data"])
    trials = Trials(params=task["params"], threads=task["threads"], load=lambda: load_dataset(data), host=host)
    try:
        for result in predictions(plugins.find(_ENTRY, task["entry"]), trials):
            host.finish(result.trial, result.arrays)
    except SystemExit as error:
        _end(error.code)
    except MempipeError as error:
        if isinstance(error, PluginError) and not isinstance(error.__cause__, ModuleNotFoundError):
            traceback.print_exception(error.__cause__)
        print(error, file=sys.stderr)
        _end(error.exit_code)
    except Exception:
        traceback.print_exc()
        _end(ExitCode.PERMANENT)
    _end(ExitCode.OK)


def _end(code: int | str | None) -> NoReturn:
    """End the process, also if threads of the trainer never end: Python would wait for them for ever."""
    timer = threading.Timer(_END_SECONDS, os._exit, [code if isinstance(code, int) else int(code is not None)])
    timer.daemon = True
    timer.start()
    sys.exit(code)


if __name__ == "__main__":
    main()
