"""The process above a trainer's program: ends all processes of it, with the program or when mempipe is gone.

Started as a file by `python -I -S guard.py LIFE STATUS FOLDER PROGRAM ARGUMENT...`, so it imports nothing of mempipe.
LIFE is a pipe that mempipe writes to when the program shall be stopped, and that closes when mempipe ends, however it
ends. STATUS receives the error number if the program cannot be started. It ends as the program ends.
"""

import ctypes
import os
import resource
import select
import signal
import sys
from contextlib import suppress
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36


def main() -> None:
    """Run the program and leave none of its processes; without mempipe not its folder either."""
    life, status, folder, *command = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    for descriptor in (life, status):
        os.set_inheritable(descriptor, False)
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else lambda *_: None
    # Processes that lose their parent become children of this one, also those in sessions of their own.
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    program = os.fork()
    if program == 0:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # if this process is killed
        _execute(command, status)
    os.close(status)
    code = None
    while code is None and life not in select.select([life, ended], [], [])[0]:
        os.read(ended, 1000)
        code = _reap(program)
    is_alone = code is None and not os.read(life, 1)
    _end_all(program)
    if is_alone:
        from shutil import rmtree

        rmtree(folder, ignore_errors=True)
    _end_as(-signal.SIGKILL if code is None else code)


def _execute(command: list[str], status: int) -> None:
    os.setsid()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and programs inherit that
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - what the spec's author wants to run
    except OSError as error:
        os.write(status, str(error.errno).encode())
    os._exit(127)


def _reap(program: int) -> int | None:
    """Collect the processes that have ended; return the program's code if it is one of them."""
    code = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == program:
                code = os.waitstatus_to_exitcode(ended[1])
    return code


def _end_all(program: int) -> None:
    """Kill children until there are none: those of a killed child become children of this process."""
    with suppress(OSError):
        os.killpg(program, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            for child in _children():
                with suppress(OSError):
                    os.kill(child, signal.SIGKILL)
            os.waitpid(-1, 0)


def _children() -> list[int]:
    children = []
    with suppress(OSError):  # elsewhere than on Linux there is no /proc
        for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - pathlib takes longer to import than all else
            with suppress(OSError), open(f"/proc/{name}/stat") as file:  # noqa: PTH123
                if int(file.read().rpartition(")")[2].split()[1]) == os.getpid():
                    children.append(int(name))
    return children


def _end_as(code: int) -> None:
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the program has left its own
        with suppress(OSError):  # of SIGKILL there is no other handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main()
