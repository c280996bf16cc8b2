"""Which store a URI means. A new store is one new module with `open_uri`, and one line here."""

import re
from importlib import import_module
from typing import Final, cast

from mempipe.errors import StoreError
from mempipe.storage.keys import readable_key
from mempipe.storage.protocol import Store

# Scheme: (module with `open_uri`, extra of this package that it needs). Loaded when used.
_STORES: Final = {
    "file": ("mempipe.storage.local", ""),
    "gs": ("mempipe.storage.gcs", "gcs"),
    "memory": ("mempipe.storage.memory", ""),
}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(uri: str) -> Store:
    """Open a store; nothing is made and, as a rule, nobody asked before it is used.

    Args:
        uri: path of a folder (absolute, relative, with `~`), `file:///path`, `gs://bucket/prefix` or `memory://name`.

    Raises:
        StoreError: no store has this scheme, or the URI does not name a place.
    """
    found = _SCHEME.match(uri)
    scheme = found[1].lower() if found else "file"
    if not uri.strip() or scheme not in _STORES:
        known = ", ".join(f"{name}://" for name in sorted(_STORES))
        raise StoreError(
            f"Store URI is not supported: {uri!r} scheme is {scheme if uri.strip() else ''!r}, "
            f"expected a folder's path, {known}.",
            hint="correct the URI.",
        )
    module_name, extra = _STORES[scheme]
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if not extra or (error.name or "").startswith("mempipe"):
            raise
        raise StoreError(
            f"Store cannot be opened: {uri} needs the module {error.name}, which is not installed.",
            hint=f"pip install 'mempipe[{extra}]'",
        ) from error
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
