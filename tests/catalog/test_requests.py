"""Requests: what stores of today hold is read, and a name gets one answer."""

import uuid

import pytest

from mempipe.catalog.requests import (
    ExperimentRequest,
    FeaturesRequest,
    FinishedExperimentRequest,
    ReleaseRequest,
    Request,
    RunRequest,
    create_request,
    read_request,
    write_request,
)
from mempipe.errors import ObjectNotFoundError, RunError, StoreError
from mempipe.storage import Store
from mempipe.storage.memory import MemoryStore


@pytest.fixture
def root() -> Store:
    return MemoryStore(uuid.uuid4().hex)


@pytest.mark.parametrize(
    ("content", "request_"),
    [
        (b'{"run": "/s/runs/a-1", "trials": 500}', RunRequest(run="/s/runs/a-1", trials=500)),
        (b'{"plan": "/s/p.json"}', ExperimentRequest(plan="/s/p.json")),
        (b'{"plan": "/s/p.json", "result": "/s/r.json"}', ExperimentRequest(plan="/s/p.json")),
        (b'{"plan": "p", "result": "r"}', FinishedExperimentRequest(plan="p", result="r")),
        (b'{"spec": "/s/a.yaml"}', FeaturesRequest(spec="/s/a.yaml")),
        (b'{"release": "/s/releases/a/a-1", "of_a_later_version": 3}', ReleaseRequest(release="/s/releases/a/a-1")),
    ],
)
def test_documents_of_stores_that_exist(root: Store, content: bytes, request_: Request) -> None:
    root.create("requests/id.json", content)
    assert read_request(root, "id", type(request_)) == request_


def test_the_first_plan_of_a_request_stays(root: Store) -> None:
    first, second = (RunRequest(run="/s/runs/a-1", trials=trials) for trials in (8, 16))
    assert create_request(root, "id", first) == first
    assert create_request(root, "id", first) == first
    assert create_request(root, "id", second) == first


def test_a_later_answer_replaces_an_earlier_one(root: Store) -> None:
    for release in ("a", "b"):
        write_request(root, "id", ReleaseRequest(release=release))
    assert read_request(root, "id", ReleaseRequest).release == "b"
    assert [info.key for info in root.list()] == ["requests/id.json"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"run": "/s/runs/a-1"}', "trials: Field required"),
        (b'{"run": "/s/runs/a-1", "trials": 0}', "trials: Input should be greater"),
        (b'{"run": "/s/ru', "content: Invalid JSON"),
        (b"[]", "content: Input should be an object"),
    ],
)
def test_a_damaged_request_is_named(root: Store, content: bytes, says: str) -> None:
    root.create("requests/id.json", content)
    with pytest.raises(RunError, match=rf"{root.uri}/requests/id\.json is damaged \({says}"):
        read_request(root, "id", RunRequest)


def test_no_request(root: Store) -> None:
    with pytest.raises(ObjectNotFoundError):
        read_request(root, "id", RunRequest)
    with pytest.raises(StoreError, match="Object name is not allowed"):
        read_request(root, "../x", RunRequest)
