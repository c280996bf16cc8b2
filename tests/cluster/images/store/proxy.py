"""An HTTP proxy in front of one server that answers every request with an error while a fault is on.

`POST /_faults {"status": 503, "seconds": 40}` turns a fault on, `"seconds": 0` turns it off; `GET /_faults` tells the
status, the seconds left and how many requests faults have answered so far. Everything else goes to the server as it is:
methods, headers, `Host`, and the target byte for byte, because percent encoding is part of an object's name.

One answer is put right: for a missing object Google says `No such object`, fake-gcs-server `Not Found`, and Airflow's
handler of remote logs looks for the words before it writes a new log.
"""

import argparse
import http.client
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote

CONTROL: Final = "/_faults"
_OBJECT: Final = re.compile(r"/o/([^?]+)")
_BLOCK: Final = 1 << 16
_TIMEOUT_SECONDS: Final = 120.0
# What two neighbors on the way send to each other. `Expect` is answered here, before the body is read.
_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "expect"})


class Fault:
    """The fault that is on, or none; safe to use from several threads."""

    def __init__(self) -> None:
        """Begin without a fault."""
        self._lock = threading.Lock()
        self._status = 503
        self._until = 0.0
        self._answered = 0

    def set(self, status: int, seconds: float) -> None:
        """Answer with `status` for so many seconds from now."""
        with self._lock:
            self._status, self._until = status, time.monotonic() + seconds

    def take(self) -> int | None:
        """Return the status that a request must get, and count it; None without a fault."""
        with self._lock:
            if time.monotonic() >= self._until:
                return None
            self._answered += 1
            return self._status

    def state(self) -> dict[str, float]:
        """Return what `GET /_faults` tells."""
        with self._lock:
            left = max(0.0, self._until - time.monotonic())
            return {"status": self._status, "seconds": round(left, 3), "answered": self._answered}


class Proxy(ThreadingHTTPServer):
    """Listens on one address and forwards to another."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, listen: tuple[str, int], to: tuple[str, int]) -> None:
        """Listen on `listen`, forward to `to`."""
        super().__init__(listen, _Handler)
        self.to = to
        self.fault = Fault()


class _Handler(BaseHTTPRequestHandler):
    """Serves one connection, request by request."""

    server: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __getattr__(self, name: str) -> Any:
        """Handle every method alike: `do_GET`, `do_PUT`, …"""
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write no log: the requests of a test are many."""

    def _handle(self) -> None:
        # Not self.path, which joins the slashes at its start.
        target = self.raw_requestline.split()[1].decode("latin-1")
        if target == CONTROL:
            self._control()
        elif (status := self.server.fault.take()) is not None:
            for _ in self._body():
                pass
            self._answer(status, {"error": {"code": status, "message": "a fault that a test asked for"}})
        else:
            self._forward(target)

    def _control(self) -> None:
        body = b"".join(self._body())
        if self.command == "POST":
            try:
                request = json.loads(body)
                self.server.fault.set(int(request["status"]), float(request["seconds"]))
            except (ValueError, KeyError, TypeError) as error:
                self._answer(400, {"error": f'expected {{"status": 503, "seconds": 40}}: {error!r}'})
                return
        self._answer(200, self.server.fault.state())

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> Iterator[bytes]:
        """Yield the request's body, whichever way its length is told."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():  # trailers
                pass
            return
        left = int(self.headers.get("Content-Length", 0))
        while left > 0:
            block = self.rfile.read(min(left, _BLOCK))
            if not block:
                raise ConnectionError("the client left in the middle of its body")
            left -= len(block)
            yield block

    def _forward(self, target: str) -> None:
        upstream = http.client.HTTPConnection(*self.server.to, timeout=_TIMEOUT_SECONDS)
        try:
            self._send(upstream, target)
            response = upstream.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close_connection = True
            self._answer(502, {"error": {"code": 502, "message": f"the store behind the proxy: {error!r}"}})
        else:
            with response:
                if response.status == 404 and (named := _OBJECT.search(target)):
                    response.read()
                    self._answer(404, {"error": {"code": 404, "message": f"No such object: {unquote(named[1])}"}})
                else:
                    self._return(response)
        finally:
            upstream.close()

    def _send(self, upstream: http.client.HTTPConnection, target: str) -> None:
        chunked = "Transfer-Encoding" in self.headers
        upstream.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                upstream.putheader(name, value)
        if chunked:
            upstream.putheader("Transfer-Encoding", "chunked")
        upstream.endheaders()
        blocks = self._body()
        # A server that refuses early stops reading: what it answered is told, and the connection is not used again.
        try:
            for block in blocks:
                upstream.send(b"%x\r\n%s\r\n" % (len(block), block) if chunked else block)
            if chunked:
                upstream.send(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _return(self, response: http.client.HTTPResponse) -> None:
        bodiless = self.command == "HEAD" or response.status in {204, 304}
        length = response.getheader("Content-Length")
        chunked = not bodiless and length is None and self.request_version == "HTTP/1.1"
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif not bodiless and length is None:
            self.close_connection = True
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if bodiless:
            return
        sent = 0
        while block := response.read1(_BLOCK):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block) if chunked else block)
            sent += len(block)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        elif length is not None and sent != int(length):
            self.close_connection = True  # so that the client sees that something is missing


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    """Run until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", type=_address, required=True, metavar="HOST:PORT")
    parser.add_argument("--to", type=_address, required=True, metavar="HOST:PORT")
    arguments = parser.parse_args()
    with Proxy(arguments.listen, arguments.to) as proxy, suppress(KeyboardInterrupt):
        proxy.serve_forever()


if __name__ == "__main__":
    main()
