"""Requests: under a name that a DAG run chose, the store remembers what a command made for it."""

from typing import ClassVar, TypeVar

from pydantic import Field

from mempipe.errors import MempipeError, ObjectExistsError, RunError
from mempipe.places import request_key
from mempipe.spans import Span
from mempipe.spec import Document
from mempipe.storage import Store, checked_key, put


class Request(Document):
    """What a command made for a request."""

    FAILURE: ClassVar[str] = "Request cannot be read"
    ERROR: ClassVar[type[MempipeError]] = RunError
    HINT: ClassVar[str] = "delete it, or trigger a new DAG run."


class RunRequest(Request):
    """Answer of `mempipe plan`.

    Attributes:
        run: URI of the run.
        first, trials: the run is to have the trials `first` to `trials - 1`.
    """

    run: str
    first: int = Field(0, ge=0)
    trials: int = Field(ge=1)

    @property
    def span(self) -> Span:
        """The trials that the run is to have."""
        return Span(self.first, self.trials)

    @property
    def trials_option(self) -> str:
        """The trials as `--trials` takes them."""
        return str(self.span) if self.first else str(self.trials)


class ExperimentRequest(Request):
    """Answer of `mempipe experiment plan`: the URI of the experiment's plan."""

    plan: str


class FinishedExperimentRequest(ExperimentRequest):
    """Answer of `mempipe experiment finish`: the URI of the result, too."""

    result: str


class FeaturesRequest(Request):
    """Answer of `mempipe experiment features`: the URI of the spec of linear models."""

    spec: str


class ReleaseRequest(Request):
    """Answer of `mempipe publish`: the URI of the release."""

    release: str


Kind = TypeVar("Kind", bound=Request)


def write_request(root: Store, request: str, document: Request) -> None:
    """Remember what was made, over an older answer."""
    put(root, checked_key(request_key(request)), document.to_json())


def create_request(root: Store, request: str, document: Kind) -> Kind:
    """Remember what was made unless there is an answer already; return the first answer.

    Raises:
        RunError: the answer that is there is damaged, or of another kind.
    """
    try:
        root.create(checked_key(request_key(request)), document.to_json())
    except ObjectExistsError:
        return read_request(root, request, type(document))
    return document


def read_request(root: Store, request: str, kind: type[Kind]) -> Kind:
    """Return what was made for a request.

    Raises:
        ObjectNotFoundError: nothing yet.
        RunError: the answer is damaged, or of another kind.
        LaterVersionError: a later version of mempipe wrote it.
    """
    key = checked_key(request_key(request))
    return kind.from_json(root.read(key), source=f"{root.uri}/{key}")
