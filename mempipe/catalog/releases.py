"""The releases of a store, by name, and which of each name is the latest."""

from dataclasses import dataclass
from datetime import datetime

from mempipe import places
from mempipe.errors import LaterVersionError, ObjectNotFoundError, ReleaseError
from mempipe.release.manifest import Latest, Manifest
from mempipe.storage import Store


@dataclass(frozen=True)
class ReleaseEntry:
    """A release as `mempipe ls` lists it.

    Attributes:
        name, id, uri: of the release.
        is_latest: readers of its name get it.
        key: the run key, or the hash of the inputs. None if the manifest is damaged, as are the attributes below.
        run: id of the run that it was made from; None for predictions made elsewhere and for older manifests.
        n_trials: trials counted.
        created: UTC.
        problem: why its manifest cannot be read; None if it can.
    """

    name: str
    id: str
    uri: str
    is_latest: bool
    key: str | None = None
    run: str | None = None
    n_trials: int | None = None
    created: datetime | None = None
    problem: str | None = None


def list_releases(root: Store) -> list[ReleaseEntry]:
    """Return the releases of a store, by name and id; unfinished ones, which have no manifest, are left out."""
    ids: list[tuple[str, str]] = []
    latest: dict[str, str | None] = {}
    for info in root.list(places.RELEASES):
        match places.parse_release_key(info.key):
            case name, str(release_id), places.MANIFEST:
                ids.append((name, release_id))
            case name, None, places.LATEST:
                latest[name] = _latest_id(root, name)
    return [_entry(root, name, release_id, is_latest=latest.get(name) == release_id) for name, release_id in ids]


def read_latest(root: Store, name: str) -> Latest:
    """Return the latest release of a name, which is the one that readers get.

    Raises:
        ObjectNotFoundError: nothing was published under this name.
        ReleaseError: the pointer is damaged.
    """
    place = root.child(places.releases_place(name))
    return Latest.from_json(place.read(places.LATEST), source=f"{place.uri}/{places.LATEST}")


def _latest_id(root: Store, name: str) -> str | None:
    try:
        return read_latest(root, name).release
    except (ObjectNotFoundError, ReleaseError, LaterVersionError):
        return None


def _entry(root: Store, name: str, release_id: str, *, is_latest: bool) -> ReleaseEntry:
    place = root.child(places.release_place(name, release_id))
    try:
        manifest = Manifest.from_json(place.read(places.MANIFEST), source=f"{place.uri}/{places.MANIFEST}")
    except (ObjectNotFoundError, ReleaseError, LaterVersionError) as error:
        return ReleaseEntry(name, release_id, place.uri, is_latest, problem=error.message)
    return ReleaseEntry(
        name,
        release_id,
        place.uri,
        is_latest,
        key=manifest.key,
        run=manifest.run,
        n_trials=manifest.n_trials,
        created=manifest.created,
    )
