"""Faults between us and Google Cloud Storage: lost answers, a service that is away, bytes damaged on their way."""

import os
import time
from pathlib import Path

import pytest
import requests

from mempipe.errors import GenerationError, ObjectExistsError, StoreUnavailableError
from mempipe.storage import Commit
from mempipe.storage.gcs import GcsStore
from tests.storage.faults import Send, answer, faulty_store, lose_answers, refuse

SMALL, LARGE = 1000, 9_000_000  # in one request, and in chunks


@pytest.fixture
def plain(gcs_bucket: str) -> GcsStore:
    """The same place, seen without faults."""
    return GcsStore(gcs_bucket, "prefix")


# Answers that get lost after the server did what was asked.


@pytest.mark.parametrize(("size", "method"), [(SMALL, "POST"), (LARGE, "POST"), (LARGE, "PUT")])
def test_create_whose_answer_is_lost(gcs_bucket: str, plain: GcsStore, size: int, method: str) -> None:
    store, transport = faulty_store(gcs_bucket, lose_answers(method))
    content = os.urandom(size)
    assert store.create("a", content) in set(Commit)
    assert len(transport.seen(method)) >= 2, "the fault was met"
    assert plain.read("a") == content
    assert len(list(plain.list())) == 1


def test_create_whose_answer_is_lost_does_not_hide_another_writer(gcs_bucket: str, plain: GcsStore) -> None:
    plain.create("a", b"first")
    store, _ = faulty_store(gcs_bucket, refuse(503, times=1, method="POST"))
    with pytest.raises(ObjectExistsError):
        store.create("a", b"other")
    assert plain.read("a") == b"first"


def test_replace_whose_answer_is_lost(gcs_bucket: str, plain: GcsStore) -> None:
    first = plain.replace("a", b"1", generation=None)
    store, transport = faulty_store(gcs_bucket, lose_answers("POST"))
    generation = store.replace("a", b"2", generation=first)
    assert len(transport.seen("POST")) == 2
    assert plain.read_versioned("a") == (b"2", generation)
    assert store.replace("a", b"3", generation=generation) != generation


def test_equal_bytes_of_another_writer_are_not_our_swap(gcs_bucket: str, plain: GcsStore) -> None:
    """Two writers count from 1 to 2: the second must learn that its step did not happen."""
    first = plain.replace("a", b"1", generation=None)
    plain.replace("a", b"2", generation=first)
    store, _ = faulty_store(gcs_bucket, refuse(503, times=1, method="POST"))
    with pytest.raises(GenerationError):
        store.replace("a", b"2", generation=first)


def test_delete_whose_answer_is_lost(gcs_bucket: str, plain: GcsStore) -> None:
    generation = plain.replace("a", b"1", generation=None)
    store, transport = faulty_store(gcs_bucket, lose_answers("DELETE"))
    store.delete("a", generation=generation)
    assert len(transport.seen("DELETE")) == 2
    assert not plain.exists("a")


# A service that is away, for a while or for good.


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_comes_back(gcs_bucket: str, plain: GcsStore, status: int) -> None:
    store, transport = faulty_store(gcs_bucket, refuse(status, times=2))
    assert store.create("a", b"1") is Commit.CREATED
    assert len(transport.requests) == 3
    assert plain.read("a") == b"1"


def test_a_service_that_comes_back_while_reading(gcs_bucket: str, plain: GcsStore, tmp_path: Path) -> None:
    plain.create("a", b"1")
    assert faulty_store(gcs_bucket, refuse(503, times=1))[0].read("a") == b"1"
    assert [info.key for info in faulty_store(gcs_bucket, refuse(503, times=1))[0].list()] == ["a"]
    assert faulty_store(gcs_bucket, refuse(503, times=1))[0].exists("a")
    faulty_store(gcs_bucket, refuse(503, times=1))[0].download("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"1"


def cut(request: requests.PreparedRequest, send: Send) -> requests.Response:
    raise requests.ConnectionError("no route to host")


@pytest.mark.parametrize("fault", [refuse(503, times=1000), cut], ids=["503", "no route"])
def test_a_service_that_stays_away(gcs_bucket: str, fault: object, tmp_path: Path) -> None:
    store, _ = faulty_store(gcs_bucket, fault, patience_seconds=0.2)  # type: ignore[arg-type]
    for action in (
        lambda: store.create("a", b"1"),
        lambda: store.create("a", bytes(LARGE)),
        lambda: store.replace("a", b"1", generation=None),
        lambda: store.delete("a", generation="1"),
        lambda: store.read("a"),
        lambda: store.exists("a"),
        lambda: list(store.list()),
        lambda: store.download("a", tmp_path / "a"),
    ):
        begun = time.monotonic()
        with pytest.raises(StoreUnavailableError, match=f"gs://{gcs_bucket}/prefix.* did not answer as it should"):
            action()
        assert time.monotonic() - begun < 5
    assert list(tmp_path.iterdir()) == []


# Bytes damaged or cut off on their way.


def damage(request: requests.PreparedRequest, send: Send) -> requests.Response:
    """Flip one bit of a downloaded object."""
    response = send(request)
    if "alt=media" in str(request.url):
        content = bytearray(response.content)
        content[len(content) // 2] ^= 1
        return answer(request, 200, [bytes(content)], dict(response.headers))
    return response


def test_a_flipped_bit_is_detected(gcs_bucket: str, plain: GcsStore, tmp_path: Path) -> None:
    plain.create("a", os.urandom(SMALL))
    store, _ = faulty_store(gcs_bucket, damage)
    with pytest.raises(StoreUnavailableError, match="prefix/a was damaged on its way"):
        store.read("a")
    with pytest.raises(StoreUnavailableError, match="prefix/a was damaged on its way"):
        store.download("a", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


class CutInTheMiddle:
    """Break the first download off in the middle; damage what comes after, if asked."""

    def __init__(self, *, damaged: bool) -> None:
        self.damaged = damaged
        self.ranges: list[object] = []

    def __call__(self, request: requests.PreparedRequest, send: Send) -> requests.Response:
        response = send(request)
        if "alt=media" not in str(request.url):
            return response
        self.ranges.append(request.headers.get("range"))
        content = response.content
        if len(self.ranges) == 1:
            half = content[: len(content) // 2]
            pieces = [half, ConnectionResetError("cut off")]
            return answer(request, 200, pieces, dict(response.headers))  # type: ignore[arg-type]
        if self.damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        return answer(request, response.status_code, [content], dict(response.headers))


def test_a_download_that_is_cut_off_is_resumed(gcs_bucket: str, plain: GcsStore, tmp_path: Path) -> None:
    content = os.urandom(300_000)
    plain.create("a", content)
    fault = CutInTheMiddle(damaged=False)
    store, _ = faulty_store(gcs_bucket, fault)
    store.download("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == content
    assert len(fault.ranges) == 2
    assert fault.ranges[1] is not None, "only the rest was asked for"


def test_what_comes_after_a_cut_is_checked_too(gcs_bucket: str, plain: GcsStore, tmp_path: Path) -> None:
    """The library itself does not check a download that it resumed."""
    plain.create("a", os.urandom(300_000))
    store, _ = faulty_store(gcs_bucket, CutInTheMiddle(damaged=True))
    with pytest.raises(StoreUnavailableError, match=r"crc32c is \S+, expected"):
        store.read("a")
    store, _ = faulty_store(gcs_bucket, CutInTheMiddle(damaged=True))
    with pytest.raises(StoreUnavailableError, match=r"crc32c is \S+, expected"):
        store.download("a", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_bytes_damaged_while_they_are_sent(gcs_bucket: str, plain: GcsStore) -> None:
    """The service compares with the crc32c that we announce, and refuses."""

    def refuse_checksum(request: requests.PreparedRequest, send: Send) -> requests.Response:
        if request.method == "POST":
            assert isinstance(request.body, bytes)
            assert b"crc32c" in request.body
            return answer(request, 400, [b'Provided CRC32C "x" doesn\'t match calculated CRC32C "y".'])
        return send(request)

    store, _ = faulty_store(gcs_bucket, refuse_checksum)
    for size in (SMALL, LARGE):
        with pytest.raises(StoreUnavailableError, match="damaged on its way"):
            store.create("a", bytes(size))
    assert not plain.exists("a")
