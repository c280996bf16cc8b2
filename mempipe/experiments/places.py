"""Where experiments lie in the store: plans and results, below the release that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mempipe.errors import InputError
from mempipe.storage import Store, open_store

if TYPE_CHECKING:
    from mempipe.experiments.result import Result
    from mempipe.release.load import Release

EXPERIMENTS: Final = "experiments"
_RELEASES: Final = "/releases/"
_DIGITS: Final = 12


def root_of(release: Release) -> Store:
    """Return the store that a release was published in.

    Raises:
        InputError: the release is a folder of its own, such as `mempipe score` writes or somebody copied.
    """
    return open_store(_root(release.uri, parts=(2,)))


def store_of(release_uri: str) -> str:
    """Return the URI of the store that a release was published in.

    Args:
        release_uri: of the release, or of its name's releases.

    Raises:
        InputError: it does not lie in a store.
    """
    return _root(release_uri, parts=(1, 2))


def results_place(root: Store, release: Release) -> Store:
    """Return where the results of a release's experiments lie."""
    return root.child(f"{EXPERIMENTS}/{release.manifest.name}/{release.manifest.id}")


def result_key(result: Result) -> str:
    """Return a result's name in its place: equal findings have equal names."""
    return f"{result.experiment}-{result.digest[:_DIGITS]}.json"


def read_results(place: Store) -> Iterator[tuple[str, Result]]:
    """Yield the results in a place, each with its name, sorted by name.

    Raises:
        InputError: one is damaged or of an unknown schema.
    """
    from mempipe.experiments.result import Result  # here, because DAGs read this file and need no numpy for it

    for info in place.list():
        if info.key.endswith(".json") and "/" not in info.key:
            yield info.key, Result.from_json(place.read(info.key), source=f"{place.uri}/{info.key}")


def _root(uri: str, *, parts: tuple[int, ...]) -> str:
    """Return what comes before `/releases/` and that many parts of a name."""
    root, found, name = uri.rstrip("/").rpartition(_RELEASES)
    if not found or not name or len(name.split("/")) not in parts:
        raise InputError(
            f"Store is not known: release is {uri}, expected …{_RELEASES}NAME/ID as published in a store.",
            hint="name the store by --store.",
        )
    return root
