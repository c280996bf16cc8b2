"""Faults on the way to Google Cloud Storage, injected below the client library, where a real network has them."""

import io
from collections.abc import Callable, Iterable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from mempipe.storage.gcs import GcsStore

Send = Callable[[requests.PreparedRequest], requests.Response]
Fault = Callable[[requests.PreparedRequest, Send], requests.Response]


class FaultyTransport(HTTPAdapter):
    """Lets every request through a fault, and remembers the requests.

    A fault gets a request and the function that truly sends it, and answers instead of the server.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault
        self.requests: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        self.requests.append(request)
        return self.fault(request, lambda sent: super(FaultyTransport, self).send(sent, **kwargs))

    def seen(self, method: str) -> list[str]:
        """URLs of the requests with this method."""
        return [str(request.url) for request in self.requests if request.method == method]


def faulty_store(bucket: str, fault: Fault, *, patience_seconds: float = 20.0) -> tuple[GcsStore, FaultyTransport]:
    """A store whose requests go through the fault."""
    store = GcsStore(bucket, "prefix", patience_seconds=patience_seconds)
    transport = FaultyTransport(fault)
    store._client._http.mount("http://", transport)
    return store, transport


def answer(
    request: requests.PreparedRequest, status: int, body: Iterable[bytes] = (), headers: dict[str, str] | None = None
) -> requests.Response:
    """A response that no server sent; its body comes in the given pieces, an exception among them is raised."""
    raw = HTTPResponse(
        body=_Pieces(body),
        headers=headers or {},
        status=status,
        preload_content=False,
        enforce_content_length=False,
    )
    response = HTTPAdapter().build_response(request, raw)
    response.reason = "injected"
    return response


class _Pieces(io.RawIOBase):
    def __init__(self, pieces: Iterable[bytes | Exception]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, amount: int = -1) -> bytes:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            if isinstance(piece, Exception):
                raise piece
            self._rest = piece
        end = len(self._rest) if amount is None or amount < 0 else amount
        content, self._rest = self._rest[:end], self._rest[end:]
        return content


def lose_answers(method: str, times: int = 1, *, status: int = 200) -> Fault:
    """The server does what is asked, but its answers to the first successful requests of this method get lost."""
    remaining = [times]

    def fault(request: requests.PreparedRequest, send: Send) -> requests.Response:
        response = send(request)
        if request.method == method and response.status_code in {status, 204} and remaining[0]:
            remaining[0] -= 1
            response.close()
            raise requests.ConnectionError("the answer was lost")
        return response

    return fault


def refuse(status: int, times: int, *, method: str | None = None) -> Fault:
    """The first requests are answered with this status and never reach the server."""
    remaining = [times]

    def fault(request: requests.PreparedRequest, send: Send) -> requests.Response:
        if remaining[0] and method in {None, request.method}:
            remaining[0] -= 1
            return answer(request, status, [b"injected refusal"])
        return send(request)

    return fault
