"""Names of objects: what mempipe writes, what it can read, and what may begin a listing."""

import os
import re
from typing import Final

from mempipe.errors import StoreError

# A folder of this name, at any depth, holds the temporary files of local writers; it is no part of any store.
HIDDEN: Final = ".mempipe"

_WRITABLE = re.compile(r"[A-Za-z0-9._=-]+(/[A-Za-z0-9._=-]+)*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Google Cloud Storage's limit; local file systems have their own, usually 255 for each part.
_MAX_LENGTH: Final = 1024
_NO_PART: Final = frozenset({"", ".", "..", HIDDEN})


def checked_key(key: str) -> str:
    """Return `key` if mempipe may write an object of that name, else raise `StoreError`.

    The characters are those that need no quoting in a URL, a shell or a file system.
    """
    readable_key(key)
    if not _WRITABLE.fullmatch(key):
        raise StoreError(
            f"Object name is not allowed: {key!r}, expected relative parts of letters, digits and '._=-'.",
            hint="use only these characters in names of runs, releases and specs.",
        )
    return key


def readable_key(key: str) -> str:
    """Return `key` if it names an object below a store, whoever wrote it, else raise `StoreError`.

    Other people's data sets have blanks and accents in their names; what must not be is a way out of the store.
    """
    if _NO_PART.intersection(key.split("/")) or _CONTROL.search(key) or len(os.fsencode(key)) > _MAX_LENGTH:
        raise StoreError(
            f"Object name is not allowed: {key!r}, expected relative parts with '/' between them, "
            f"none of them '.', '..' or {HIDDEN!r}, {_MAX_LENGTH} bytes at most.",
            hint="name the object relative to the store's URI.",
        )
    return key


def checked_prefix(prefix: str) -> str:
    """Return `prefix` if names can start with it (`""`, `shards/`, `shards/trials=0`), else raise `StoreError`."""
    folder, slash, _ = prefix.rpartition("/")
    if slash:
        readable_key(folder)
    if _CONTROL.search(prefix):
        readable_key(prefix)
    return prefix
