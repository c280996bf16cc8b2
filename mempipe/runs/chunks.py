"""The chunk grid: which chunks of which trials are missing, and which tasks train them."""

from collections.abc import Iterable, Sequence
from typing import Final

from mempipe.spans import Span

MAX_TASKS: Final = 1000
"""Airflow maps at most 1,024 tasks; a larger plan gets longer tasks instead of more."""


def missing_chunks(committed: Iterable[Span], wanted: Span, *, chunk_size: int) -> list[Span]:
    """Return the spans of `wanted` that no committed span covers, cut at multiples of `chunk_size`.

    Args:
        committed: spans of the committed shards, in any order; they may overlap.
        wanted: the trials that must be there.
        chunk_size: a chunk is at most this long and never crosses a multiple of it.
    """
    gaps: list[Span] = []
    position = wanted.start
    for span in sorted(committed):
        if span.start > position:
            gaps.append(Span(position, min(span.start, wanted.stop)))
        position = max(position, span.stop)
        if position >= wanted.stop:
            break
    if position < wanted.stop:
        gaps.append(Span(position, wanted.stop))
    return [chunk for gap in gaps for chunk in _cut(gap, chunk_size) if len(chunk) > 0]


def plan_tasks(missing: Sequence[Sequence[Span]], windows: Sequence[int]) -> list[list[Span]]:
    """Group the missing chunks of each run into tasks: one for each window of trials that misses any.

    The windows of all runs grow alike where there would be more than `MAX_TASKS` tasks in all. A task skips what is
    committed meanwhile.

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
