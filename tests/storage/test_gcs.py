"""Google Cloud Storage: the contract on a real HTTP server, and what a bucket adds to it."""

from collections.abc import Callable

import pytest
import requests
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import storage

from mempipe.errors import GenerationError, ObjectNotFoundError, StoreError
from mempipe.storage import Commit, Store, open_store
from mempipe.storage.files import open_source
from mempipe.storage.gcs import GcsStore
from mempipe.storage.gcs_checksums import crc32c_of, same_bytes
from tests.storage.contract import StoreContract
from tests.storage.faults import Send, answer, faulty_store, refuse


def delete_as_google_does(request: requests.PreparedRequest, send: Send) -> requests.Response:
    """Compare the generation before a delete: the emulator ignores this precondition, the service does not."""
    if request.method == "DELETE" and request.url:
        lookup = request.copy()
        place, _, query = request.url.partition("?")
        lookup.method, lookup.url = "GET", place
        response = send(lookup)
        preconditions = [part for part in query.split("&") if part.startswith("ifGenerationMatch=")]
        if response.ok and preconditions != [f"ifGenerationMatch={response.json()['generation']}"]:
            return answer(request, 412, [b"conditionNotMet"])
    return send(request)


class TestGcsStore(StoreContract):
    @pytest.fixture
    def store(self, gcs_bucket: str) -> Store:
        return faulty_store(gcs_bucket, delete_as_google_does)[0]


def test_a_whole_bucket_is_a_store(gcs_bucket: str) -> None:
    store = open_store(f"gs://{gcs_bucket}/")
    assert store.uri == f"gs://{gcs_bucket}"
    assert store.create("a", b"1") is Commit.CREATED
    assert [info.key for info in store.list()] == ["a"]
    assert open_store(f"gs://{gcs_bucket}/runs/b/").uri == f"gs://{gcs_bucket}/runs/b"


def test_requests_carry_their_preconditions(gcs_bucket: str) -> None:
    """What keeps two writers apart is in the request, not in the emulator, which ignores it for deletes."""
    store, transport = faulty_store(gcs_bucket, lambda request, send: send(request))
    store.create("a", b"1")
    _, generation = store.read_versioned("a")
    new = store.replace("a", b"2", generation=generation)
    store.delete("a", generation=new)
    store.create("large", bytes(9_000_000))
    created, replaced, large = transport.seen("POST")
    assert "ifGenerationMatch=0" in created
    assert f"ifGenerationMatch={generation}" in replaced
    assert f"ifGenerationMatch={new}" in transport.seen("DELETE")[0]
    assert "uploadType=resumable" in large
    assert "ifGenerationMatch=0" in large


def test_a_refused_delete_is_told(gcs_bucket: str) -> None:
    store, _ = faulty_store(gcs_bucket, refuse(412, times=1, method="DELETE"))
    store.create("a", b"1")
    _, generation = store.read_versioned("a")
    with pytest.raises(GenerationError, match=f"prefix/a generation is {generation}, expected 77"):
        store.delete("a", generation="77")
    assert store.read("a") == b"1"


def test_objects_that_are_no_objects_are_passed_over(gcs_bucket: str) -> None:
    """A console makes empty objects that end in a slash, so that folders show; people use blanks."""
    bucket = storage.Client(project="test").bucket(gcs_bucket)
    for name in ("data/", "data/cats/", "data/cats/a b.png", "database"):
        bucket.blob(name).upload_from_string(b"1")
    store = open_store(f"gs://{gcs_bucket}/data")
    assert [info.key for info in store.list()] == ["cats/a b.png"]
    assert store.read("cats/a b.png") == b"1"


def test_content_types_let_a_browser_show_reports(gcs_bucket: str) -> None:
    store = open_store(f"gs://{gcs_bucket}")
    bucket = storage.Client(project="test").bucket(gcs_bucket)
    for key, kind in {
        "index.html": "text/html",
        "manifest.json": "application/json",
        "a.npz": "application/octet-stream",
    }.items():
        store.create(key, b"1")
        assert bucket.get_blob(key).content_type == kind


def test_comparing_needs_more_than_a_crc32c(gcs_bucket: str) -> None:
    """Objects composed by other tools have no MD5: then the bytes are compared."""
    bucket = storage.Client(project="test").bucket(gcs_bucket)
    bucket.blob("a").upload_from_string(b"content")

    def composed() -> storage.Blob:
        blob = bucket.get_blob("a")
        blob._properties.pop("md5Hash")
        return blob

    with open_source(b"content") as source:
        assert same_bytes(composed(), source)
    with open_source(b"CONTENT") as source:
        assert not same_bytes(composed(), source)
        collision = composed()
        collision._properties["crc32c"] = crc32c_of(source)
        assert not same_bytes(collision, source)


ACTIONS: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.read("a"),
    "exists": lambda store: store.exists("a"),
    "list": lambda store: list(store.list()),
    "create": lambda store: store.create("a", b"1"),
    "create a large one": lambda store: store.create("a", bytes(9_000_000)),
    "replace": lambda store: store.replace("a", b"1", generation=None),
    "delete": lambda store: store.delete("a", generation="1"),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_missing_bucket_is_told_from_a_missing_object(gcs_bucket: str, action: str) -> None:
    store = open_store("gs://no-such-bucket/prefix")
    with pytest.raises(StoreError, match="bucket 'no-such-bucket' does not exist") as caught:
        ACTIONS[action](store)
    assert not isinstance(caught.value, ObjectNotFoundError)
    assert "gcloud storage buckets create gs://no-such-bucket" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "says", "hint"),
    [
        (401, "needs credentials, found none that are valid", "workload identity"),
        (403, "is not permitted to this account", "roles/storage.objectUser"),
        (400, "was refused", "configuration"),
    ],
)
@pytest.mark.parametrize("action", ACTIONS)
def test_refusals_are_permanent(gcs_bucket: str, action: str, status: int, says: str, hint: str) -> None:
    store, transport = faulty_store(gcs_bucket, refuse(status, times=100))
    with pytest.raises(StoreError, match=f"gs://{gcs_bucket}/prefix.* {says} ") as caught:
        ACTIONS[action](store)
    assert hint in caught.value.hint
    assert len(transport.requests) == 1, "what is refused is not asked again"


def test_without_credentials_public_buckets_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise DefaultCredentialsError("none found")

    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setattr("google.auth.default", none)
    store = open_store("gs://public-bucket/releases")
    assert isinstance(store, GcsStore)
    assert store._client._credentials.token is None


def test_an_emulators_address_without_scheme_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "localhost:1")
    with pytest.raises(StoreError, match="was refused"):
        open_store("gs://bucket").read("a")
