"""Which store a URI means, and how it is spelled afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest

from mempipe.errors import StoreError
from mempipe.storage import open_store, split_object_uri
from mempipe.storage.local import LocalStore


@pytest.mark.parametrize("spelling", ["{}", "{}/", "file://{}", "file://localhost{}", "FILE://{}", "{}/x/.."])
def test_a_folder_has_one_uri(tmp_path: Path, spelling: str) -> None:
    assert open_store(spelling.format(tmp_path)).uri == str(tmp_path)


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert open_store("store").uri == f"{tmp_path}/store"
    assert open_store("./store/../other").uri == f"{tmp_path}/other"
    assert open_store("~/store").uri == f"{tmp_path}/home/store"
    assert open_store("with blank%20").uri == f"{tmp_path}/with blank%20"
    assert open_store(f"file://{tmp_path}/with%20blank").uri == f"{tmp_path}/with blank"


def test_uris_do_not_depend_on_where_they_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("store")
    monkeypatch.chdir("/")
    store.create("a", b"1")
    assert (tmp_path / "store" / "a").read_bytes() == b"1"


@pytest.mark.parametrize("uri", ["s3://bucket/x", "http://host/x", "", "  "])
def test_an_unknown_scheme_names_the_known_ones(uri: str) -> None:
    with pytest.raises(
        StoreError, match=r"Store URI is not supported: .* expected a folder's path, file://, gs://, mem"
    ):
        open_store(uri)


@pytest.mark.parametrize("uri", ["file://host/path", "file://relative", "gs://", "gs:///path", "gs://-a/b"])
def test_uris_that_name_no_place(uri: str) -> None:
    with pytest.raises(StoreError, match="Store URI cannot be used"):
        open_store(uri)


def test_objects_are_addressed_by_one_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a b.yaml").write_bytes(b"spec")
    for uri in ["specs/a b.yaml", f"{tmp_path}/specs/a b.yaml", f"file://{tmp_path}/specs/a b.yaml"]:
        store, key = split_object_uri(uri)
        assert (store.uri, key, store.read(key)) == (f"{tmp_path}/specs", "a b.yaml", b"spec")
    store, key = split_object_uri("specs")
    assert (store.uri, key) == (str(tmp_path), "specs")
    store, key = split_object_uri("/etc")
    assert (store.uri, key) == ("/", "etc")
    store, key = split_object_uri("memory://name/a")
    assert (store.uri, key) == ("memory://name", "a")


@pytest.mark.parametrize(
    "uri", ["", "a/", "/", ".", "..", "a/..", "memory://name", "gs://bucket", "gs://bucket/", "file://x"]
)
def test_uris_that_name_no_object(uri: str) -> None:
    with pytest.raises(StoreError, match="URI names no object"):
        split_object_uri(uri)


def test_opening_makes_nothing(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "not" / "there")).child("a")
    assert isinstance(store, LocalStore)
    assert list(store.list()) == []
    assert not store.exists("b")
    with pytest.raises(StoreError, match="is missing") as caught:
        store.read("b")
    assert "does not exist: check the URI" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_the_google_library_is_loaded_only_for_its_uris() -> None:
    code = (
        "import sys; from mempipe.storage import open_store; open_store('memory://a').create('b', b''); "
        "open_store('/tmp'); sys.exit('google' in sys.modules or 'requests' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mempipe.storage.gcs", raising=False)
    monkeypatch.setitem(sys.modules, "google.api_core.exceptions", None)
    with pytest.raises(StoreError, match=r"google\.api_core\.exceptions, which is not installed") as caught:
        open_store("gs://bucket/prefix")
    assert caught.value.hint == "pip install 'mempipe[gcs]'"
