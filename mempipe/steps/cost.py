"""What a whole run takes, from what a few of its trials took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mempipe.bits import pack
from mempipe.data import Dataset
from mempipe.outcomes import outcome
from mempipe.runs.plan import missing_chunks, plan_tasks
from mempipe.shards import Shard, encode
from mempipe.spans import Span
from mempipe.spec import NUMERICS_VERSION, Spec, run_key
from mempipe.steps.tiny_trials import Duration, n_groups
from mempipe.steps.workers import share
from mempipe.training.outcome import TrialOutcome


@dataclass(frozen=True)
class RunCost:
    """What the training of a run takes; validation, counts and scores are not in it.

    Attributes:
        n_trials, n_chunks, n_tasks: of the run.
        seconds_per_trial: wall time of a trial's share of its group.
        core_hours: processor time of all tasks, each in a process of its own.
        hours: wall time with `n_workers` processes on this machine, if they do not slow each other down.
        n_workers: processes of `mempipe train` at once.
        shard_bytes: of all shards.
    """

    n_trials: int
    n_chunks: int
    n_tasks: int
    seconds_per_trial: float
    core_hours: float
    hours: float
    n_workers: int
    shard_bytes: int


def extrapolate(first: tuple[int, Duration], second: tuple[int, Duration], size: int) -> Duration:
    """Return how long trials on `size` examples take, if each example adds the same to a fixed part.

    Args:
        first: examples and duration of small trials.
        second: of larger ones.
        size: examples of a trial.
    """
    (n, before), (m, after) = first, second
    added = max(1, m - n)
    return Duration(*(a + max(0.0, a - b) / added * (size - m) for b, a in zip(before, after, strict=True)))


def run_cost(
    spec: Spec,
    dataset: Dataset,
    trials: Span,
    *,
    start_up: Duration,
    group: Duration,
    n_workers: int,
    sample: TrialOutcome,
) -> RunCost:
    """Return what a new run takes.

    Args:
        spec: resolved.
        dataset: the data set that it names.
        trials: of the run.
        start_up: of one process, before its first trial.
        group: of the trials that the trainer trains at once.
        n_workers: processes at once on this machine.
        sample: outcomes of one trial, with all that the shards keep.
    """
    chunks = missing_chunks((), trials, chunk_size=spec.chunk_size)
    (tasks,) = plan_tasks([chunks], [spec.chunk_size * spec.task_size])
    n_in_all = _n_groups(spec, chunks)
    longest = max(
        _n_groups(spec, [chunk for chunk in chunks if span.start <= chunk.start < span.stop])
        for span in share(chunks, n_workers)
    )
    return RunCost(
        n_trials=len(trials),
        n_chunks=len(chunks),
        n_tasks=len(tasks),
        seconds_per_trial=group.seconds * n_in_all / len(trials),
        core_hours=(len(tasks) * start_up.processor_seconds + n_in_all * group.processor_seconds) / 3600,
        hours=(start_up.seconds + longest * group.seconds) / 3600,
        n_workers=min(n_workers, len(chunks)),
        shard_bytes=_shard_bytes(spec, dataset, sample, n_chunks=len(chunks), n_trials=len(trials)),
    )


def _n_groups(spec: Spec, chunks: Sequence[Span]) -> int:
    return sum(n_groups(spec, range(*chunk)) for chunk in chunks)


def _shard_bytes(spec: Spec, dataset: Dataset, sample: TrialOutcome, *, n_chunks: int, n_trials: int) -> int:
    """Return the bytes of all shards, from a shard of one trial: what it adds for a trial, and the rest of a file."""

    def rows(part: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {name: outcome(name).encode(part[name], dataset.n_classes)[None] for name in spec.kept_outcomes}

    shard = Shard(
        run_key=run_key(spec, data_fingerprint=dataset.fingerprint),
        data_fingerprint=dataset.fingerprint,
        numerics_version=NUMERICS_VERSION,
        n_train=dataset.n_train,
        n_test=dataset.n_test,
        trials=np.asarray([sample.trial]),
        subset_mask=pack(sample.subset_mask)[None],
        train=rows(sample.train),
        test=rows(sample.test),
    )
    arrays: list[NDArray[Any]] = [shard.trials, shard.subset_mask, *shard.train.values(), *shard.test.values()]
    of_trial = sum(array.nbytes for array in arrays)
    return n_trials * of_trial + n_chunks * (len(encode(shard)) - of_trial)
