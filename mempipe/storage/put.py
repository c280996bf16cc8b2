"""Writes objects that are replaced, such as requests: the newest version counts."""

from typing import Final

from mempipe.errors import GenerationError, ObjectNotFoundError
from mempipe.storage.protocol import Store

_ROUNDS: Final = 5


def put(store: Store, key: str, content: bytes) -> None:
    """Write an object, over an older one.

    Raises:
        GenerationError: other writers keep changing it.
    """
    for _ in range(_ROUNDS):
        generation: str | None
        try:
            current, generation = store.read_versioned(key)
        except ObjectNotFoundError:
            current, generation = None, None
        if current == content:
            return
        try:
            store.replace(key, content, generation=generation)
        except GenerationError:
            continue
        return
    raise GenerationError(
        f"Object cannot be written: {store.uri}/{key} changes all the time, expected one writer at once.",
        hint="let one DAG run do this step before the next does.",
    )
