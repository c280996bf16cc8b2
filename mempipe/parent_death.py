"""Ends a child process when its parent dies, however it dies (Linux; elsewhere it does nothing)."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def die_with_parent(number: signal.Signals = signal.SIGTERM) -> Callable[[], None] | None:
    """Return a function that a child runs before its program, for `subprocess.Popen(preexec_fn=...)`.

    The kernel then sends a signal to the child when its parent is gone, even after a SIGKILL, which leaves the parent
    no time to clean up.

    Args:
        number: the signal; a child that may ignore SIGTERM needs SIGKILL.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork: the child must not take the loader's lock
    parent = os.getpid()

    def request() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the call
            os._exit(128 + number)

    return request
