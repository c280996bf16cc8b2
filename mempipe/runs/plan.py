"""`plan.json`, the last request for trials of a run and the tasks that train them; and the grid of chunks behind it."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, Literal

from mempipe.errors import GenerationError, MempipeError, ObjectNotFoundError, RunError
from mempipe.places import PLAN
from mempipe.spans import Span
from mempipe.spec import Component, Document
from mempipe.storage.protocol import Store
from mempipe.storage.put import put

MAX_TASKS: Final = 1000
"""Airflow maps at most 1,024 tasks; a larger plan gets longer tasks instead of more."""


def missing_chunks(committed: Iterable[Span], trials: Span, *, chunk_size: int) -> list[Span]:
    """Return the spans of `trials` that no committed span covers, cut at multiples of `chunk_size`.

    Args:
        committed: spans of the committed shards, in any order; they may overlap.
        trials: the requested trials.
        chunk_size: a chunk is at most this long and never crosses a multiple of it.
    """
    gaps: list[Span] = []
    position = trials.start
    for span in sorted(committed):
        if span.start > position:
            gaps.append(Span(position, min(span.start, trials.stop)))
        position = max(position, span.stop)
        if position >= trials.stop:
            break
    if position < trials.stop:
        gaps.append(Span(position, trials.stop))
    return [chunk for gap in gaps for chunk in _cut(gap, chunk_size) if len(chunk) > 0]


def plan_tasks(missing: Sequence[Sequence[Span]], windows: Sequence[int]) -> list[list[Span]]:
    """Group the missing chunks of each run into tasks: one for each window of trials that misses any.

    The windows of all runs grow by the same factor if there would be more than `MAX_TASKS` tasks in all. A task
    skips what is committed meanwhile.

    Args:
        missing: for each run its missing chunks, ascending.
        windows: for each run how many trials one task covers, a multiple of its chunk size.

    Returns:
        For each run its tasks.
    """
    factor = 1
    while True:
        tasks = [_tasks(chunks, window * factor) for chunks, window in zip(missing, windows, strict=True)]
        if sum(map(len, tasks)) <= MAX_TASKS or max(map(len, tasks)) == 1:
            return tasks
        factor *= 2


def _tasks(chunks: Sequence[Span], window: int) -> list[Span]:
    tasks: dict[int, Span] = {}
    for chunk in chunks:
        index = chunk.start // window
        first = tasks.get(index, chunk)
        tasks[index] = Span(min(first.start, chunk.start), max(first.stop, chunk.stop))
    return [tasks[index] for index in sorted(tasks)]


def _cut(gap: Span, chunk_size: int) -> Iterable[Span]:
    start = gap.start
    while start < gap.stop:
        stop = min(gap.stop, (start // chunk_size + 1) * chunk_size)
        yield Span(start, stop)
        start = stop


class Plan(Document):
    """The latest plan of a run.

    Attributes:
        first, trials: the run is complete when the trials `first` to `trials - 1` are committed.
        n_missing: trials that were missing when it was made.
        tasks: spans of trials, each for one `mempipe train`.
        data: where the data set lies now; its content is the run's, which its fingerprint proves.
        influence: which pairs to count.
        estimators: that compute scores from the counts.
    """

    FAILURE: ClassVar[str] = "Plan cannot be used"
    ERROR: ClassVar[type[MempipeError]] = RunError
    HINT: ClassVar[str] = "run `mempipe plan` again."

    first: int = 0
    trials: int
    n_missing: int
    tasks: tuple[Span, ...]
    data: Component
    influence: Literal["class", "full"]
    estimators: tuple[str, ...] = ("plain",)

    @property
    def span(self) -> Span:
        """The requested trials."""
        return Span(self.first, self.trials)


def write_plan(store: Store, plan: Plan) -> None:
    """Replace the run's plan."""
    try:
        put(store, PLAN, plan.to_json())
    except GenerationError as error:
        raise GenerationError(
            f"Plan cannot be written: {store.uri}/{PLAN} changes all the time, expected one planner at once.",
            hint="let one DAG run of this run finish before the next plans.",
        ) from error


def read_plan(store: Store) -> Plan:
    """Return the run's latest plan.

    Raises:
        RunError: the run was never planned, or the plan is damaged.
    """
    source = f"{store.uri}/{PLAN}"
    try:
        return Plan.from_json(store.read(PLAN), source=source)
    except ObjectNotFoundError as error:
        raise RunError(
            f"Run has no plan: {source} is missing, expected a plan.",
            hint="run `mempipe plan SPEC --store URI` first.",
        ) from error
