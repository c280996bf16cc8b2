"""Requests: the store keeps what a command made under a name that the DAG run chose."""

from typing import ClassVar, TypeVar

from pydantic import Field

from mempipe.errors import MempipeError, ObjectExistsError, RunError
from mempipe.places import request_key
from mempipe.spans import Span
from mempipe.spec import Document
from mempipe.storage import Store, checked_key, put


class Request(Document):
    """What a command made for a request; base of all kinds of requests."""

    FAILURE: ClassVar[str] = "Request cannot be read"
    ERROR: ClassVar[type[MempipeError]] = RunError
    HINT: ClassVar[str] = "delete it, or trigger a new DAG run."


class RunRequest(Request):
    """Answer of `mempipe plan`.

    Attributes:
        run: URI of the run.
        first, trials: the planned trials are `first` to `trials - 1`.
    """

    run: str
    first: int = Field(0, ge=0)
    trials: int = Field(ge=1)

    @property
    def span(self) -> Span:
        """The planned trials."""
        return Span(self.first, self.trials)

    @property
    def trials_option(self) -> str:
        """The trials as `--trials` takes them."""
        return str(self.span) if self.first else str(self.trials)


class ExperimentRequest(Request):
    """Answer of `mempipe experiment plan`: the URI of the experiment's plan."""

    plan: str


class FinishedExperimentRequest(ExperimentRequest):
    """Answer of `mempipe experiment finish`: the URIs of the plan and of the result."""

    result: str


class FeaturesRequest(Request):
    """Answer of `mempipe experiment features`: the URI of the spec of linear models."""

    spec: str


class ReleaseRequest(Request):
    """Answer of `mempipe publish`: the URI of the release."""

    release: str


Kind = TypeVar("Kind", bound=Request)


def write_request(root: Store, request: str, document: Request) -> None:
    """Store the answer to a request and replace an older one."""
    put(root, checked_key(request_key(request)), document.to_json())


def create_request(root: Store, request: str, document: Kind) -> Kind:
    """Store the answer to a request unless it has one; return the first answer.

    Raises:
        RunError: the stored answer is damaged, or of another kind.
    """
    try:
        root.create(checked_key(request_key(request)), document.to_json())
    except ObjectExistsError:
        return read_request(root, request, type(document))
    return document


def read_request(root: Store, request: str, kind: type[Kind]) -> Kind:
    """Return the answer to a request.

    Raises:
        ObjectNotFoundError: the request has no answer yet.
        RunError: the answer is damaged, or of another kind.
        LaterVersionError: a later version of mempipe wrote it.
    """
    key = checked_key(request_key(request))
    return kind.from_json(root.read(key), source=f"{root.uri}/{key}")
