"""How much memory a trainer's processes hold, and how much they may hold."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

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


def exceeds(session: int, limit: int) -> int | None:
    """Return the memory of a session's processes in bytes if it is above a limit, else None.

    Pages that several processes share count once. Without /proc nothing exceeds.

    Args:
        session: id of the session, which is that of its first process.
        limit: in bytes.
    """
    processes = _processes(session)
    if sum(_resident(process) for process in processes) <= limit:
        return None
    held = sum(_proportional(process) for process in processes)  # slower to read, and exact
    return held if held > limit else None


def _processes(session: int) -> list[Path]:
    processes = []
    with suppress(OSError):
        for path in _PROC.iterdir():
            if path.name.isdigit():
                with suppress(OSError, IndexError):  # it ended meanwhile
                    fields = (path / "stat").read_text().rpartition(")")[2].split()
                    if fields[3] == str(session):
                        processes.append(path)
    return processes


def _resident(process: Path) -> int:
    try:
        return int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def _proportional(process: Path) -> int:
    """Return resident memory with shared pages divided by those who share them."""
    with suppress(OSError, ValueError, IndexError):
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    return _resident(process)
