"""Reads validated shards as batches of trials to count, shard by shard, each trial once."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from mempipe.runs import Run
from mempipe.scores.tally import BlockTally, TrialBatch
from mempipe.steps.progress import Advance
from mempipe.validation.reader import read_trials
from mempipe.validation.report import ValidationReport


def read_batches(run: Run, report: ValidationReport) -> Iterator[TrialBatch]:
    """Yield the packed outcomes of the validated trials, each trial once; holds one shard in memory.

    Raises:
        CorruptShardError: a shard's bytes changed since they were validated.
    """
    for shard in report.shards:
        if shard.counted is not None:
            yield read_trials(run, shard.key, shard.trials, shard.counted, sha256=shard.sha256)


def track(tallies: Iterable[BlockTally], train_labels: NDArray[np.int64], advance: Advance) -> Iterator[BlockTally]:
    """Yield the tallies and advance the progress after each, by the fraction of its block's rows that it holds."""
    for tally in tallies:
        yield tally
        advance(tally.block.shape[0] / max(1, int((train_labels == tally.block.label).sum())))
