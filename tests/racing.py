"""Processes that do the same thing at the same time, round by round."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

_LOOP = """
import sys
for line in sys.stdin:
    print(act(*line.split()), flush=True)
"""


class Racers:
    """Running processes, each of which waits for the next round."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def go(self, *arguments: str) -> list[str]:
        """Let all act at once, each with its own argument; return what they answer, one line each."""
        for process, argument in zip(self._processes, arguments, strict=True):
            stdin = cast(IO[str], process.stdin)
            stdin.write(f"{argument}\n")
            stdin.flush()
        return [cast(IO[str], process.stdout).readline().strip() for process in self._processes]


@contextmanager
def racers(script: str, n: int) -> Iterator[Racers]:
    """Start `n` processes; `script` defines `act`, which gets the argument's words and returns the answer."""
    command = [sys.executable, "-c", script + _LOOP]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(n)]
    try:
        yield Racers(processes)
    finally:
        for process in processes:
            process.communicate()
    assert [process.returncode for process in processes] == [0] * n
