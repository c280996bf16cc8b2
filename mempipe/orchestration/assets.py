"""The Airflow assets that other DAGs can be scheduled on, and the rules of their updates."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from airflow.sdk import Asset

RELEASES: Final = Asset(name="mempipe_releases", uri="mempipe://releases/", group="mempipe")
"""Updated when a new release is published; the `extra` of its event holds name, id and URI."""

RESULTS: Final = Asset(name="mempipe_results", uri="mempipe://results/", group="mempipe")
"""Updated when an experiment has a new result; `results` of its event's `extra` is a list, and each item holds
`result` (its URI), `experiment`, `release` (URI), and the release's `name` and `id`."""

LOOK_BACK: Final = 1000
"""Number of the newest events that are searched for the last one of a name."""


def is_news(release: Mapping[str, str], newest_first: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a release differs from the last announced release of its name in its store.

    Args:
        release: `name`, `id` and `release` (its URI).
        newest_first: the `extra` of earlier events, newest first.
    """
    place = release["release"].removesuffix(release["id"])
    for extra in newest_first:
        if extra.get("name") == release["name"] and extra.get("release") == place + str(extra.get("id")):
            return bool(extra["id"] != release["id"])
    return True


def new_results(results: Iterable[Mapping[str, str]], earlier: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the results that have not been announced.

    Args:
        results: each with its URI as `result`, which contains a hash of the content: an announced URI is no news.
        earlier: the `extra` of earlier events.
    """
    uris = {item.get("result") for extra in earlier for item in extra.get("results", ())}
    return [dict(result) for result in results if result["result"] not in uris]


def announced_releases(extras: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the unique URIs of the releases in events of either asset, sorted.

    Args:
        extras: `extra` of each event; events that were created by hand may have any content.
    """
    items = (item for extra in extras for item in (extra, *extra.get("results", ())))
    return sorted({str(item["release"]) for item in items if "release" in item})
