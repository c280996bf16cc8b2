"""The store in memory: the contract, and what its name shares."""

import uuid

import pytest

from mempipe.errors import StoreError
from mempipe.storage import Store, open_store
from tests.storage.contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return open_store(f"memory://{uuid.uuid4().hex}")


class TestMemoryStoreBelowPrefix(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        store = open_store(f"memory://{uuid.uuid4().hex}/deep/below")
        open_store(store.uri.removesuffix("/below")).create("other", b"not in the store")
        return store


def test_stores_of_one_name_share_their_objects() -> None:
    name = uuid.uuid4().hex
    open_store(f"memory://{name}").create("a", b"1")
    assert open_store(f"memory://{name}/").read("a") == b"1"
    assert not open_store(f"memory://{name}2").exists("a")


def test_generations_are_never_used_twice() -> None:
    store = open_store(f"memory://{uuid.uuid4().hex}")
    first = store.replace("a", b"1", generation=None)
    store.delete("a", generation=first)
    assert store.replace("a", b"1", generation=None) != first


def test_a_name_is_needed() -> None:
    with pytest.raises(StoreError, match="has no name"):
        open_store("memory://")
