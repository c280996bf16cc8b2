"""Memory and processor time of a process are those of its children as well."""

import subprocess
import sys
import time

from mempipe.training.process_use import Meter, descendants

CHILD = """
import sys, time
held = bytearray(300_000_000)
while time.process_time() < 1: pass
print("ready", flush=True)
sys.stdin.read()
"""
NESTED = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {CHILD!r}]))"


def test_children_and_theirs() -> None:
    """A grandchild holds 300 MB and takes a second; both count while it runs, the time also when it has ended."""
    with Meter() as meter:
        before = meter.processor_seconds
        with subprocess.Popen([sys.executable, "-c", NESTED], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdin is not None
            assert child.stdout.readline() == b"ready\n"
            below = descendants(child.pid)
            (grandchild,) = below.values()
            assert 300e6 < grandchild.memory < 400e6
            running = meter.processor_seconds - before
            assert running >= 0.95  # the clock of /proc ticks each 10 ms
            deadline = time.monotonic() + 60
            while meter.peak_memory < 300e6 and time.monotonic() < deadline:
                time.sleep(0.05)
            child.stdin.close()
        assert meter.peak_memory >= 300e6
        assert meter.processor_seconds - before >= running - 0.05
    assert not descendants(child.pid)
