"""The releases of a store, by name."""

from mempipe import places
from mempipe.release.manifest import Latest
from mempipe.storage import Store


def read_latest(root: Store, name: str) -> Latest:
    """Return which release of a name readers get.

    Raises:
        ObjectNotFoundError: nothing was published under this name.
        ReleaseError: the pointer is damaged.
    """
    place = root.child(places.releases_place(name))
    return Latest.from_json(place.read(places.LATEST), source=f"{place.uri}/{places.LATEST}")
