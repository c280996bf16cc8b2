"""Turns validated shards into the batches that scores count: each wanted trial once, read shard by shard."""

from collections.abc import Iterator, Sequence

from mempipe.errors import ForeignShardError
from mempipe.runs import Run, ShardRef, Span
from mempipe.scores.tally import TrialBatch
from mempipe.shards import decode


def read_batches(run: Run, rows: Sequence[tuple[ShardRef, Span]]) -> Iterator[TrialBatch]:
    """Yield the packed bits of the trials that count from each shard (`validation.coverage.trial_rows`).

    Memory is bounded by one shard.

    Raises:
        CorruptShardError: a shard was damaged since it was validated.
        ForeignShardError: a shard was replaced by another run's since it was validated.
    """
    for ref, trials in rows:
        source = f"{run.uri}/{ref.key}"
        shard = decode(run.store.read(ref.key), source=source)
        if shard.run_key != run.record.run_key:
            raise ForeignShardError(
                f"Shard does not belong to this run: {source} run_key is {shard.run_key[:16]}…, "
                f"expected {run.record.run_key[:16]}….",
                hint="it was replaced after validation; run `mempipe validate` again.",
            )
        part = slice(trials.start - ref.span.start, trials.stop - ref.span.start)
        yield TrialBatch(
            shard.trials[part], shard.subset_mask[part], shard.train_correct[part], shard.test_correct[part]
        )
