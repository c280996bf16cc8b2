"""Errors of Google Cloud Storage and of the network, as errors that an operator can act on."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import requests
import urllib3
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError, TransportError
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from mempipe.errors import MempipeError, StoreError, StoreUnavailableError

# What a retry of the same request can cure. The request is always safe to repeat: it reads, or carries a precondition.
_PASSING_STATUS: Final = frozenset({408, 429, 500, 502, 503, 504})
_PASSING: Final = (
    ConnectionError,
    TimeoutError,
    http.client.HTTPException,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    urllib3.exceptions.PoolError,
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.TimeoutError,
)
_HANDLED: Final = (
    GoogleAPICallError,
    RetryError,
    GoogleAuthError,
    InvalidResponse,
    DataCorruption,
    requests.RequestException,
    *_PASSING,
)
_LOGIN: Final = (
    "give the process credentials: a Kubernetes service account with workload identity, "
    "GOOGLE_APPLICATION_CREDENTIALS, or `gcloud auth application-default login`."
)
_ROLE: Final = "grant the account `roles/storage.objectUser` on the bucket, or use another account."
_AGAIN: Final = "run the same command again; if it stays so, look at the network and at status.cloud.google.com."


def is_passing(error: BaseException) -> bool:
    """Return whether the same request may succeed when it is sent again."""
    if isinstance(error, TransportError):
        return not error.args or not isinstance(error.args[0], Exception) or is_passing(error.args[0])
    if isinstance(error, GoogleAuthError):
        return bool(error.retryable)
    status = _status(error)
    return isinstance(error, _PASSING) if status is None else status in _PASSING_STATUS


@contextmanager
def gcs_errors(doing: str, location: str) -> Iterator[None]:
    """Turn every error of the library and of the network into `StoreError` or `StoreUnavailableError`.

    A caller that knows more about a 404 or a 412 catches it within the body.

    Args:
        doing: what would have failed: "Object cannot be written".
        location: URI of the object or the store.
    """
    try:
        yield
    except _HANDLED as error:
        raise _explained(error, doing, location) from error


def _explained(error: Exception, doing: str, location: str) -> MempipeError:
    cause = error.cause if isinstance(error, RetryError) and error.cause else error
    reason = _first_line(cause)
    if isinstance(error, RetryError) or is_passing(cause):
        return StoreUnavailableError(f"{doing}: {location} did not answer as it should ({reason}).", hint=_AGAIN)
    if isinstance(cause, DataCorruption) or _is_refused_checksum(cause):
        return StoreUnavailableError(
            f"{doing}: {location} was damaged on its way, its crc32c is not the expected one ({reason}).", hint=_AGAIN
        )
    status = _status(cause)
    if isinstance(cause, DefaultCredentialsError | RefreshError) or status == http.HTTPStatus.UNAUTHORIZED:
        return StoreError(f"{doing}: {location} needs credentials, found none that are valid ({reason}).", hint=_LOGIN)
    if status == http.HTTPStatus.FORBIDDEN:
        return StoreError(f"{doing}: {location} is not permitted to this account ({reason}).", hint=_ROLE)
    return StoreError(
        f"{doing}: {location} was refused ({reason}).", hint="correct the store's URI or its configuration."
    )


def _status(error: BaseException) -> int | None:
    if isinstance(error, GoogleAPICallError):
        return None if error.code is None else int(error.code)
    if isinstance(error, InvalidResponse):
        return int(error.response.status_code)
    return None


def _is_refused_checksum(error: Exception) -> bool:
    # The server compares the bytes that arrive with the crc32c that we announce.
    return _status(error) == http.HTTPStatus.BAD_REQUEST and "crc32c" in str(error).lower()


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]
