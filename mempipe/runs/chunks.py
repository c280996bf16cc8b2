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


def plan_tasks(missing: Sequence[Span], *, chunk_size: int, task_size: int) -> list[Span]:
    """Group missing chunks into tasks: one for each window of `task_size` chunks that misses any.

    The windows grow where there would be more than `MAX_TASKS` tasks. A task skips what is committed meanwhile.
    """
    window = chunk_size * task_size
    while True:
        tasks: dict[int, Span] = {}
        for chunk in missing:
            index = chunk.start // window
            known = tasks.get(index, chunk)
            tasks[index] = Span(min(known.start, chunk.start), max(known.stop, chunk.stop))
        if len(tasks) <= MAX_TASKS:
            return [tasks[index] for index in sorted(tasks)]
        window *= 2


def _cut(gap: Span, chunk_size: int) -> Iterable[Span]:
    start = gap.start
    while start < gap.stop:
        stop = min(gap.stop, (start // chunk_size + 1) * chunk_size)
        yield Span(start, stop)
        start = stop
