"""The results of a release's experiments, and the store that holds them and the release."""

from collections.abc import Iterator
from dataclasses import dataclass

from mempipe import places
from mempipe.experiments.result import Result
from mempipe.release.scores import Scores
from mempipe.storage import Store, open_store


@dataclass(frozen=True)
class ResultEntry:
    """A result as `mempipe ls` lists it.

    Attributes:
        experiment: its name.
        name, release: name and id of the release that it belongs to.
        key: of the result in its place.
        uri: of the result.
    """

    experiment: str
    name: str
    release: str
    key: str
    uri: str


def list_results(root: Store) -> list[ResultEntry]:
    """Return the results of a store, by release and experiment; reads names only."""
    entries = []
    for info in root.list(places.EXPERIMENTS):
        parsed = places.parse_result_key(info.key)
        if parsed is not None:
            entries.append(ResultEntry(parsed.experiment, parsed.name, parsed.id, parsed.key, f"{root.uri}/{info.key}"))
    return entries


def open_store_of(release: Scores) -> Store:
    """Open the store that a release was published in.

    Raises:
        InputError: the release is a folder outside any store, such as `mempipe score` writes, or a copy.
    """
    return open_store(places.parse_release_uri(release.uri).store)


def open_results(root: Store, release: Scores) -> Store:
    """Return the place of the results of a release's experiments."""
    return root.child(places.results_place(release.name, release.id))


def result_key(result: Result) -> str:
    """Return a result's key in its place."""
    return places.result_key(result.experiment, result.digest)


def read_results(place: Store) -> Iterator[tuple[str, Result]]:
    """Yield the results in a place, each with its key, sorted by key.

    Raises:
        InputError: one is damaged or of an unknown schema.
    """
    for info in place.list():
        if info.key.endswith(".json") and "/" not in info.key:
            yield info.key, Result.from_json(place.read(info.key), source=f"{place.uri}/{info.key}")
