"""How much memory a trainer's processes hold, and how much they may hold."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from mempipe.training.process_use import ProcessUse, descendants

_PROC: Final = Path("/proc")
_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where the kernel says what a container may use, in its versions 2 and 1."""

_SHARE: Final = 0.9


def default_limit() -> int:
    """Return nine tenths of the memory of the machine or the container, in bytes."""
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _LIMITS:
        with suppress(OSError, ValueError):  # absent, or the word `max`
            available = min(available, int(path.read_text()))
    return int(_SHARE * available)


def exceeds(limit: int) -> int | None:
    """Return the memory of the processes below this one in bytes if it is above a limit, else None.

    Pages that several processes share count once. Without /proc nothing exceeds.
    """
    uses = descendants(os.getpid())
    if sum(use.memory for use in uses.values()) <= limit:
        return None
    held = sum(_proportional(process, use) for process, use in uses.items())  # slower to read, and exact
    return held if held > limit else None


def _proportional(process: int, use: ProcessUse) -> int:
    """Return resident memory with shared pages divided by those who share them."""
    with suppress(OSError, ValueError, IndexError):
        for line in (_PROC / str(process) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    return use.memory
