"""A local address for a Service or pod of the cluster that lasts although pods come and go."""

import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.cluster.kubectl import Kubectl, KubectlError
from tests.servers import free_port

_START_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.5
_READY: Final = "Forwarding from"


@contextmanager
def port_forward(kubectl: Kubectl, target: str, port: int, *, local: int | None = None) -> Iterator[str]:
    """Forward a local port as long as the context lasts; yield its URL.

    `kubectl port-forward` ends when the pod behind it does: then it is started again, on the same local port. A client
    meets refused or broken connections in between and has to try again.

    Args:
        kubectl: of the namespace.
        target: `svc/name`, `pod/name`.
        port: of the Service or pod.
        local: the local port; None: a free one.

    Raises:
        KubectlError: nothing was forwarded within a minute; holds what kubectl said.
    """
    local = local or free_port()
    forward = _Forward(kubectl.command("port-forward", target, f"{local}:{port}", "--address", "127.0.0.1"))
    forward.start()
    try:
        forward.wait_until_ready()
        yield f"http://127.0.0.1:{local}"
    finally:
        forward.stop()


class _Forward(threading.Thread):
    """Runs the command again and again, until stopped."""

    def __init__(self, command: list[str]) -> None:
        super().__init__(name="port-forward", daemon=True)
        self._command = command
        self._ready: queue.Queue[bool] = queue.Queue()
        self._said: deque[str] = deque(maxlen=20)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            with self._lock:
                if self._stopped.is_set():
                    return
                self._process = subprocess.Popen(
                    self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
                )
            with self._process as process:
                for line in process.stdout or ():
                    self._said.append(line.rstrip())
                    if line.startswith(_READY):
                        self._ready.put(True)
            self._stopped.wait(_PAUSE_SECONDS)

    def wait_until_ready(self) -> None:
        begun = time.monotonic()
        try:
            self._ready.get(timeout=_START_SECONDS)
        except queue.Empty:
            output = "\n".join(self._said)
            raise KubectlError(
                f"{' '.join(self._command)} forwarded nothing in {time.monotonic() - begun:.0f} s:\n{output}"
            ) from None

    def stop(self) -> None:
        with self._lock:
            self._stopped.set()
            if self._process is not None:
                self._process.terminate()
        self.join()
