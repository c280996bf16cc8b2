"""The Airflow asset that other DAGs can be scheduled on, and the rule by which it changes."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from airflow.sdk import Asset

RELEASES: Final = Asset(name="mempipe_releases", uri="mempipe://releases/", group="mempipe")
"""Changes when a release is published that was not announced before; its event's `extra` holds name, id and URI."""

LOOK_BACK: Final = 1000
"""How many of the newest events are searched for the last one of a name."""


def is_news(release: Mapping[str, str], newest_first: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether a release differs from the last one that was announced under its name in its store.

    Args:
        release: `name`, `id` and `release` (its URI).
        newest_first: the `extra` of earlier events, newest first.
    """
    place = release["release"].removesuffix(release["id"])
    for extra in newest_first:
        if extra.get("name") == release["name"] and extra.get("release") == place + str(extra.get("id")):
            return bool(extra["id"] != release["id"])
    return True
