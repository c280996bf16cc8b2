"""How far a run is: what is committed and missing, how fast it goes, and when it will be done."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, ValidationError

from mempipe import places
from mempipe.catalog.releases import list_releases
from mempipe.catalog.runs import n_committed
from mempipe.errors import ObjectNotFoundError
from mempipe.runs import Run, ShardRef, Span, read_plan
from mempipe.spec import Stored
from mempipe.storage import Store, open_store
from mempipe.validation.expectations import shard_quality
from mempipe.validation.quarantine import quarantined
from mempipe.validation.report import overlapping, read_report, validation_id

WINDOW: Final = timedelta(hours=6)
"""The rate is that of the chunks that finished within this time before the newest."""

STALL: Final = 3
"""Nothing comes any more when the newest commit is older than so many times the longest of the recent chunks."""


class Timing(Stored):
    """When a chunk was trained, from its sidecar.

    Attributes:
        started, finished: with their time zone.
    """

    started: AwareDatetime
    finished: AwareDatetime


@dataclass(frozen=True)
class Rate:
    """How fast a run goes.

    Attributes:
        trials_per_hour: of all machines together, in the recent window.
        newest: when the newest chunk was finished.
        overdue: after this time the next chunk is long overdue.
    """

    trials_per_hour: float
    newest: datetime
    overdue: datetime


@dataclass(frozen=True)
class RunStatus:
    """How far a run is.

    Attributes:
        uri: of the run.
        first, trials: the trials `first` to `trials - 1` are planned.
        n_done, n_missing: planned trials that are committed, and that are not.
        n_quarantined: planned trials of shards that were ever moved aside; those trained again are among the done.
        rate: None where no sidecar tells.
        is_stalled: trials are missing, and nothing was committed for long.
        end: when the missing trials are done at this rate; None where it is not known, or the run is stalled.
        is_validated: the planned trials are valid as they are committed now.
        releases: ids of the releases of this run in its store, whichever trials they count.
    """

    uri: str
    first: int
    trials: int
    n_done: int
    n_missing: int
    n_quarantined: int
    rate: Rate | None
    is_stalled: bool
    end: datetime | None
    is_validated: bool
    releases: tuple[str, ...]


def run_status(run: Run, *, now: datetime | None = None) -> RunStatus:
    """Return how far a run is; reads its plan, its sidecars and the manifests of its store's releases, but no shard.

    Raises:
        RunError: the run was never planned, or its plan is damaged.
        InputError: the run does not lie in a store.
    """
    root = open_store(places.parse_run_uri(run.uri).store)
    now = now or datetime.now(UTC)
    span = read_plan(run.store).span
    refs = overlapping(run.shards(), span)
    n_done = n_committed(span, [ref.span for ref in refs])
    n_missing = len(span) - n_done
    timings = _timings(run.store, refs)
    rate = measure_rate(timings) if timings else None
    is_stalled = rate is not None and n_missing > 0 and now > rate.overdue
    end = None
    if rate is not None and n_missing and not is_stalled:
        end = max(now, rate.newest + timedelta(hours=n_missing / rate.trials_per_hour))
    moved = [record.trials for record in quarantined(run, span)]
    return RunStatus(
        uri=run.uri,
        first=span.start,
        trials=span.stop,
        n_done=n_done,
        n_missing=n_missing,
        n_quarantined=n_committed(span, moved),
        rate=rate,
        is_stalled=is_stalled,
        end=end,
        is_validated=not n_missing and _is_validated(run, refs, span),
        releases=tuple(entry.id for entry in list_releases(root) if entry.key == run.record.run_key),
    )


def measure_rate(timings: Sequence[tuple[int, Timing]]) -> Rate:
    """Return how fast chunks came lately.

    Each chunk that finished within `WINDOW` before the newest counts by its share of trained time in that window, which
    begins no earlier than the first of these chunks did: what a run rested before does not count.

    Args:
        timings: for each chunk its number of trials and when it was trained; at least one.
    """
    newest = max(timing.finished for _, timing in timings)
    recent = [(n, timing) for n, timing in timings if timing.finished > newest - WINDOW]
    begin = max(newest - WINDOW, min(timing.started for _, timing in recent))
    done = 0.0
    for n, timing in recent:
        # Times are of whole seconds.
        length = max((timing.finished - timing.started).total_seconds(), 1.0)
        done += n * min(1.0, max((timing.finished - max(begin, timing.started)).total_seconds(), 1.0) / length)
    hours = max((newest - begin).total_seconds(), 1.0) / 3600
    longest = max(timing.finished - timing.started for _, timing in recent)
    return Rate(done / hours, newest, overdue=newest + STALL * max(longest, timedelta(minutes=1)))


def _timings(store: Store, refs: Sequence[ShardRef]) -> list[tuple[int, Timing]]:
    """Return the timings of the committed chunks; a sidecar that is damaged tells nothing."""
    committed = {ref.span for ref in refs}
    newest: dict[Span, Timing] = {}  # of a chunk that was trained twice
    for info in store.list(places.SIDECARS):
        span = places.parse_sidecar_key(info.key)
        if span in committed:
            with suppress(ObjectNotFoundError, ValidationError):
                timing = Timing.model_validate_json(store.read(info.key))
                newest[span] = max(newest.get(span, timing), timing, key=lambda one: one.finished)
    return [(len(span), timing) for span, timing in newest.items()]


def _is_validated(run: Run, refs: list[ShardRef], span: Span) -> bool:
    identity = validation_id(run, refs, span, shard_quality(run.record, span))
    return read_report(run, identity) is not None
