"""What this process and its children use: memory and processor time, read from Linux's /proc."""

import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_PROC: Final = Path("/proc")
_SECONDS_BETWEEN: Final = 0.5
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class ProcessUse(NamedTuple):
    """Use of one process.

    Attributes:
        memory: resident bytes; pages that processes share count in each.
        processor_seconds: since its start, with its children that have ended.
    """

    memory: int
    processor_seconds: float


def descendants(root: int) -> dict[int, ProcessUse]:
    """Return the running processes below `root`, by their id; empty where there is no /proc."""
    parents, uses = {}, {}
    for process, parent, use in _processes():
        parents[process], uses[process] = parent, use
    below: dict[int, ProcessUse] = {}
    pending = {root}
    while pending:
        pending = {process for process, parent in parents.items() if parent in pending and process not in below}
        below |= {process: uses[process] for process in pending}
    return below


def _processes() -> Iterator[tuple[int, int, ProcessUse]]:
    """Yield each process of the machine: its id, its parent's, its use."""
    for folder in _PROC.glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except OSError:  # it has ended
            continue
        fields = text[text.rindex(")") + 2 :].split()  # its name, in brackets, may hold anything
        seconds = sum(map(int, fields[11:15])) / _TICKS
        yield int(folder.name), int(fields[1]), ProcessUse(int(fields[21]) * _PAGE, seconds)


class Meter:
    """Measures this process and its children from `with` on, twice a second; without the measurement's own time."""

    def __init__(self) -> None:
        self._peak = 0
        self._own_seconds = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Meter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def peak_memory(self) -> int:
        """The largest resident memory of all processes together, in bytes."""
        return max(self._peak, _maxrss())

    @property
    def processor_seconds(self) -> float:
        """Processor time of this process and its children, since the start of each."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        running = sum(use.processor_seconds for use in descendants(os.getpid()).values())
        return time.process_time() - self._own_seconds + ended.ru_utime + ended.ru_stime + running

    def _watch(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN):
            below = sum(use.memory for use in descendants(os.getpid()).values())
            self._peak = max(self._peak, below + _resident())
            self._own_seconds = time.thread_time()


def _resident() -> int:
    try:
        return int((_PROC / "self" / "statm").read_text().split()[1]) * _PAGE
    except OSError:
        return _maxrss()


def _maxrss() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
