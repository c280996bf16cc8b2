"""The Airflow assets that other DAGs can be scheduled on, and the rules by which they change."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from airflow.sdk import Asset

RELEASES: Final = Asset(name="mempipe_releases", uri="mempipe://releases/", group="mempipe")
"""Changes when a release is published that was not announced before; its event's `extra` holds name, id and URI."""

RESULTS: Final = Asset(name="mempipe_results", uri="mempipe://results/", group="mempipe")
"""Changes when an experiment found something new; `results` of its event's `extra` is a list, and each item holds
`result` (its URI), `experiment`, `release` (URI), and the release's `name` and `id`."""

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


def new_results(results: Iterable[Mapping[str, str]], earlier: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the results that were not announced before.

    Args:
        results: each with its URI as `result`; a result's name tells its content, so a known URI is no news.
        earlier: the `extra` of earlier events.
    """
    known = {item.get("result") for extra in earlier for item in extra.get("results", ())}
    return [dict(result) for result in results if result["result"] not in known]


def announced_releases(extras: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the URIs of the releases that events of either asset tell of, each once, sorted.

    Args:
        extras: of the events; those that somebody made by hand may hold anything.
    """
    items = (item for extra in extras for item in (extra, *extra.get("results", ())))
    return sorted({str(item["release"]) for item in items if "release" in item})
