"""Which shard a trial is taken from, where an extended run has overlapping shards."""

from collections.abc import Iterable

from mempipe.runs import ShardRef, Span


def overlapping(refs: Iterable[ShardRef], wanted: Span) -> list[ShardRef]:
    """Return the shards that hold any wanted trial, by trial."""
    return [ref for ref in sorted(refs) if ref.span.start < wanted.stop and wanted.start < ref.span.stop]


def trial_rows(refs: Iterable[ShardRef], wanted: Span) -> list[tuple[ShardRef, Span]]:
    """Return from which shard each wanted trial is taken: every trial once, from the first shard that holds it.

    First in the order of `sorted(refs)`: by first trial, then by last. The spans are disjoint and ascend; trials that
    no shard holds are absent; shards from which no trial is taken are left out.

    Args:
        refs: committed shards, in any order.
        wanted: the trials that count.

    Returns:
        (shard, trials taken from it); rows `start - ref.span.start` to `stop - ref.span.start` of the shard's arrays.
    """
    taken = []
    position = wanted.start
    for ref in overlapping(refs, wanted):
        start, stop = max(position, ref.span.start), min(ref.span.stop, wanted.stop)
        if start < stop:
            taken.append((ref, Span(start, stop)))
            position = stop
    return taken
