"""Where objects live: a folder, memory or Google Cloud Storage, with commits that are complete or not there."""

from mempipe.storage.protocol import Commit, ObjectInfo, Store, checked_key, open_store, split_object_uri
from mempipe.storage.put import put

__all__ = ["Commit", "ObjectInfo", "Store", "checked_key", "open_store", "put", "split_object_uri"]
