"""The runs of a store and how many trials of each are committed; reads no shard."""

from dataclasses import dataclass

from mempipe import places
from mempipe.errors import LaterVersionError, RunError
from mempipe.runs import Span, missing_chunks, open_run, read_plan
from mempipe.storage import Store


@dataclass(frozen=True)
class RunEntry:
    """A run as `mempipe ls` lists it.

    Attributes:
        id, uri: of the run.
        key: its run key; None if its record is damaged.
        first, trials: the trials `first` to `trials - 1` are planned; None if it has no plan.
        n_done: number of planned trials that are committed; of all committed trials if it has no plan.
        problem: why its record or its plan cannot be read; None if they can.
    """

    id: str
    uri: str
    key: str | None
    first: int | None
    trials: int | None
    n_done: int
    problem: str | None = None

    @property
    def n_planned(self) -> int | None:
        """Number of planned trials."""
        return None if self.first is None or self.trials is None else self.trials - self.first


def list_runs(root: Store) -> list[RunEntry]:
    """Return the runs of a store, by id."""
    shards: dict[str, list[Span]] = {}
    with_plan: set[str] = set()
    for info in root.list(places.RUNS):
        run_id, key = places.parse_run_key(info.key)
        span = places.parse_shard_key(key)
        if span is not None:
            shards.setdefault(run_id, []).append(span)
        elif key == places.RUN_RECORD:
            shards.setdefault(run_id, [])
        elif key == places.PLAN:
            with_plan.add(run_id)
    return [_entry(root, run_id, spans, has_plan=run_id in with_plan) for run_id, spans in sorted(shards.items())]


def n_committed(span: Span, committed: list[Span]) -> int:
    """Return how many trials of `span` are in any of the committed spans."""
    return len(span) - sum(len(gap) for gap in missing_chunks(committed, span, chunk_size=len(span) or 1))


def _entry(root: Store, run_id: str, committed: list[Span], *, has_plan: bool) -> RunEntry:
    place = root.child(places.run_place(run_id))
    key: str | None = None
    requested: Span | None = None
    problem: str | None = None
    try:
        key = open_run(place).record.run_key
        requested = read_plan(place).span if has_plan else None
    except (RunError, LaterVersionError) as error:
        problem = error.message
    span = Span(0, max((span.stop for span in committed), default=0)) if requested is None else requested
    first, trials = (None, None) if requested is None else requested
    return RunEntry(run_id, place.uri, key, first, trials, n_committed(span, committed), problem)
