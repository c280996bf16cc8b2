"""Progress of a run: committed and missing trials, training rate and estimated end."""

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
"""The rate is measured on the chunks that finished within this time before the newest one."""

STALL: Final = 3
"""A run is stalled when its newest commit is older than this many times the duration of the longest recent chunk."""


class Timing(Stored):
    """Start and end of a chunk's training, from its sidecar.

    Attributes:
        started, finished: with their time zone.
    """

    started: AwareDatetime
    finished: AwareDatetime


@dataclass(frozen=True)
class Rate:
    """Training rate of a run.

    Attributes:
        trials_per_hour: of all machines together, in the last `WINDOW`.
        newest: end of the newest chunk.
        overdue: the run is stalled if no chunk is committed until this time.
    """

    trials_per_hour: float
    newest: datetime
    overdue: datetime


@dataclass(frozen=True)
class RunStatus:
    """Progress of a run.

    Attributes:
        uri: of the run.
        first, trials: the trials `first` to `trials - 1` are planned.
        n_done, n_missing: number of planned trials that are committed, and that are not.
        n_quarantined: number of planned trials in shards that were quarantined; `n_done` counts those trained again.
        outcomes: what the run keeps of each prediction.
        n_bytes: size of the planned trials' shards.
        rate: None if no sidecar can be read.
        is_stalled: trials are missing and the next chunk is overdue.
        end: estimated end of the missing trials; None if the rate is unknown or the run is stalled.
        is_validated: the shards as now committed passed validation, and no planned trial is missing.
        releases: ids of the releases of this run in its store, for any of its trials.
    """

    uri: str
    first: int
    trials: int
    n_done: int
    n_missing: int
    n_quarantined: int
    outcomes: tuple[str, ...]
    n_bytes: int
    rate: Rate | None
    is_stalled: bool
    end: datetime | None
    is_validated: bool
    releases: tuple[str, ...]


def run_status(run: Run, *, now: datetime | None = None) -> RunStatus:
    """Return the progress of a run; reads its plan, its sidecars and the manifests in its store, but no shard.

    Raises:
        RunError: the run was never planned, or its plan is damaged.
        InputError: the run is outside any store.
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
        outcomes=run.record.spec.kept_outcomes,
        n_bytes=sum(ref.info.size for ref in refs),
        rate=rate,
        is_stalled=is_stalled,
        end=end,
        is_validated=not n_missing and _is_validated(run, refs, span),
        releases=tuple(entry.id for entry in list_releases(root) if entry.key == run.record.run_key),
    )


def measure_rate(timings: Sequence[tuple[int, Timing]]) -> Rate:
    """Return the recent training rate.

    The window ends with the newest chunk. It is `WINDOW` long, or begins with the first chunk that finished in it, so
    that an earlier pause of the run does not count. A chunk counts by the share of its training time in the window.

    Args:
        timings: number of trials and timing of each chunk; at least one.
    """
    newest = max(timing.finished for _, timing in timings)
    recent = [(n, timing) for n, timing in timings if timing.finished > newest - WINDOW]
    begin = max(newest - WINDOW, min(timing.started for _, timing in recent))
    n_trials = 0.0
    for n, timing in recent:
        # Times are rounded to seconds, so that a short chunk may have none.
        length = max((timing.finished - timing.started).total_seconds(), 1.0)
        n_trials += n * min(1.0, max((timing.finished - max(begin, timing.started)).total_seconds(), 1.0) / length)
    hours = max((newest - begin).total_seconds(), 1.0) / 3600
    longest = max(timing.finished - timing.started for _, timing in recent)
    return Rate(n_trials / hours, newest, overdue=newest + STALL * max(longest, timedelta(minutes=1)))


def _timings(store: Store, refs: Sequence[ShardRef]) -> list[tuple[int, Timing]]:
    """Return the timings of the committed chunks; damaged sidecars are left out."""
    committed = {ref.span for ref in refs}
    newest: dict[Span, Timing] = {}  # a chunk trained twice has two sidecars
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
