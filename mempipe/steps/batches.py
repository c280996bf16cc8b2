"""Reads validated shards as batches of trials to count, shard by shard, each trial once."""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import CorruptShardError
from mempipe.runs import Run
from mempipe.scores.tally import BlockTally, TrialBatch
from mempipe.shards import decode
from mempipe.steps.progress import Advance
from mempipe.validation.report import ValidationReport


def read_batches(run: Run, report: ValidationReport) -> Iterator[TrialBatch]:
    """Yield the packed outcomes of the validated trials, each trial once; holds one shard in memory.

    Raises:
        CorruptShardError: a shard's bytes changed since they were validated.
    """
    for checked in report.shards:
        if checked.counted is None:
            continue
        source = f"{run.uri}/{checked.key}"
        content = run.store.read(checked.key)
        digest = hashlib.sha256(content).hexdigest()
        if digest != checked.sha256:
            raise CorruptShardError(
                f"Shard changed since it was validated: {source} SHA-256 is {digest[:16]}…, "
                f"expected {checked.sha256[:16]}….",
                hint="run `mempipe validate` again, then repeat this step.",
            )
        shard = decode(content, source=source)
        rows = slice(checked.counted.start - checked.trials.start, checked.counted.stop - checked.trials.start)
        train, test = (
            {name: array[rows] for name, array in outcomes.items()} for outcomes in (shard.train, shard.test)
        )
        yield TrialBatch(shard.trials[rows], shard.subset_mask[rows], train, test)


def track(tallies: Iterable[BlockTally], train_labels: NDArray[np.int64], advance: Advance) -> Iterator[BlockTally]:
    """Yield the tallies and advance the progress after each, by the fraction of its block's rows that it holds."""
    for tally in tallies:
        yield tally
        advance(tally.block.shape[0] / max(1, int((train_labels == tally.block.label).sum())))
