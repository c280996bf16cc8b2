"""Turns committed shards into the batches that scores count: each wanted trial once, read shard by shard."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mempipe.errors import ForeignShardError
from mempipe.runs import Run, ShardRef, Span
from mempipe.scores.tally import TrialBatch
from mempipe.shards import decode


@dataclass(frozen=True)
class Part:
    """The trials that count from one shard: `trials`, a part of the shard's own span."""

    shard: ShardRef
    trials: Span


def parts_of(shards: Sequence[ShardRef], wanted: Span) -> list[Part]:
    """Return which trials count from which shard.

    Shards may overlap after a run was extended by a part of a chunk; a trial counts from the first shard that has it,
    in the order of (start, stop), whatever the order of arrival.
    """
    parts = []
    position = wanted.start
    for shard in sorted(shards):
        trials = Span(max(shard.span.start, position), min(shard.span.stop, wanted.stop))
        if trials.start < trials.stop:
            parts.append(Part(shard, trials))
            position = trials.stop
    return parts


def read_batches(run: Run, parts: Sequence[Part]) -> Iterator[TrialBatch]:
    """Yield the parts' packed bits; memory is bounded by one shard.

    Raises:
        CorruptShardError: a shard was damaged since it was validated.
        ForeignShardError: a shard was replaced by another run's since it was validated.
    """
    for part in parts:
        source = f"{run.uri}/{part.shard.key}"
        shard = decode(run.store.read(part.shard.key), source=source)
        if shard.run_key != run.record.run_key:
            raise ForeignShardError(
                f"Shard does not belong to this run: {source} run_key is {shard.run_key[:16]}…, "
                f"expected {run.record.run_key[:16]}….",
                hint="it was replaced after validation; run `mempipe validate` again.",
            )
        rows = slice(part.trials.start - part.shard.span.start, part.trials.stop - part.shard.span.start)
        yield TrialBatch(
            shard.trials[rows], shard.subset_mask[rows], shard.train_correct[rows], shard.test_correct[rows]
        )
