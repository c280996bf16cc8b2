"""Which store a URI means. A store is one module with `open_uri`, built in or of another package."""

import re
from typing import Final, Protocol, cast

from mempipe import plugins
from mempipe.errors import StoreError
from mempipe.storage.keys import readable_key
from mempipe.storage.protocol import Store


class StoreModule(Protocol):
    """What the module of a scheme provides."""

    @staticmethod
    def open_uri(uri: str) -> Store:
        """Open the store that a URI of this scheme means; makes nothing.

        Raises:
            StoreError: the URI names no place.
        """
        ...


_BUILTIN: Final = {"file": "mempipe.storage.local", "gs": "mempipe.storage.gcs", "memory": "mempipe.storage.memory"}
_EXTRAS: Final = {"gs": "gcs"}
"""Which extra of this package a built-in store needs."""

STORES: Final = plugins.ExtensionPoint("store", "mempipe.stores", lambda: _BUILTIN, StoreModule, r"[a-z][a-z0-9+.-]*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(uri: str) -> Store:
    """Open a store; nothing is made and, as a rule, nobody asked before it is used.

    Args:
        uri: path of a folder (absolute, relative, with `~`), `file:///path`, `gs://bucket/prefix`, `memory://name`, or
            a URI with the scheme of another package's store.

    Raises:
        StoreError: no store has this scheme, or the URI does not name a place.
        PluginError: the store of another package cannot be loaded.
    """
    found = _SCHEME.match(uri)
    scheme = found[1].lower() if found else "file"
    try:
        module = plugins.find(STORES, scheme) if uri.strip() else None
    except ModuleNotFoundError as error:
        if scheme not in _EXTRAS or (error.name or "").startswith("mempipe"):
            raise
        raise StoreError(
            f"Store cannot be opened: {uri} needs the module {error.name}, which is not installed.",
            hint=f"pip install 'mempipe[{_EXTRAS[scheme]}]'",
        ) from error
    if module is None:
        known = ", ".join(f"{name}://" for name in plugins.available(STORES))
        raise StoreError(
            f"Store URI is not supported: {uri!r} scheme is {scheme if uri.strip() else ''!r}, "
            f"expected a folder's path, {known}.",
            hint="correct the URI.",
        )
    return cast(Store, module.open_uri(f"{scheme}://{uri[found.end() :]}" if found else uri))


def split_object_uri(uri: str) -> tuple[Store, str]:
    """Open the store that holds one object, and return it with the object's key.

    Args:
        uri: of an object: `gs://bucket/specs/a.yaml`, `specs/a.yaml`.

    Raises:
        StoreError: the URI names no object, but a bucket or a folder.
    """
    found = _SCHEME.match(uri)
    place, slash, key = uri.rpartition("/")
    if not key or (found and len(place) < found.end()) or key in {".", ".."}:
        raise StoreError(
            f"URI names no object: {uri!r}, expected a place and a name, like gs://bucket/specs/a.yaml.",
            hint="add the object's name.",
        )
    if not found:
        return open_store(place or (slash or ".")), readable_key(key)
    return open_store(place), readable_key(key)
