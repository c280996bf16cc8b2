"""Real servers for tests, on free ports of this machine; a test without its server is skipped, or fails in the gate."""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

_BUILT = Path.home() / ".cache" / "test-cluster" / "bin" / "fake-gcs-server"
_START_SECONDS = 20.0


def absent(reason: str) -> NoReturn:
    """Skip the test because something of this machine is missing; fail where `MEMPIPE_REQUIRE_SERVERS=1`."""
    if os.environ.get("MEMPIPE_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{reason} (MEMPIPE_REQUIRE_SERVERS=1)", pytrace=False)
    pytest.skip(reason)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def fake_gcs_server(public_host: str = "") -> Iterator[str]:
    """Run fake-gcs-server, from `FAKE_GCS_SERVER`, the `PATH` or where shared/cluster builds it, and yield its URL.

    Args:
        public_host: `HOST:PORT` that its answers name; empty: its own address.
    """
    named = os.environ.get("FAKE_GCS_SERVER")
    binary = named or shutil.which("fake-gcs-server") or (str(_BUILT) if _BUILT.exists() else None)
    if binary is None or (named and not Path(named).exists()):
        absent(f"fake-gcs-server is not here ({named or 'FAKE_GCS_SERVER is not set, PATH and ~/.cache have none'})")
    port = free_port()
    address = f"127.0.0.1:{port}"
    command = [binary, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-public-host", public_host or address, "-backend", "memory", "-log-level", "error"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://{address}"
            _wait_until_ready(f"{url}/storage/v1/b", process)
            yield url
        finally:
            process.terminate()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise RuntimeError(f"fake-gcs-server did not answer at {url}; exit code {process.poll()}")
