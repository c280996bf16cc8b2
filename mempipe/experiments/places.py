"""Where experiments lie in the store: plans and results, below the release that they belong to."""

from collections.abc import Iterator
from typing import Final

from mempipe.errors import InputError
from mempipe.experiments.result import Result
from mempipe.release.load import Release
from mempipe.storage import Store, open_store

EXPERIMENTS: Final = "experiments"
_RELEASES: Final = "/releases/"
_DIGITS: Final = 12


def root_of(release: Release) -> Store:
    """Return the store that a release was published in.

    Raises:
        InputError: the release is a folder of its own, such as `mempipe score` writes or somebody copied.
    """
    root, found, name = release.uri.rpartition(_RELEASES)
    if not found or name.count("/") != 1:
        raise InputError(
            f"Store is not known: release is {release.uri}, expected …{_RELEASES}NAME/ID as published in a store.",
            hint="name the store by --store.",
        )
    return open_store(root)


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
    for info in place.list():
        if info.key.endswith(".json") and "/" not in info.key:
            yield info.key, Result.from_json(place.read(info.key), source=f"{place.uri}/{info.key}")
