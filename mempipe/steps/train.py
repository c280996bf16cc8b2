"""`mempipe train`: trains the missing trials of a span and commits each chunk as it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mempipe.bits import pack
from mempipe.data import Dataset, load_dataset
from mempipe.errors import DataError, RunError
from mempipe.outcomes import outcome
from mempipe.runs import Run, Span, open_run, read_plan
from mempipe.shards import Shard
from mempipe.spec import NUMERICS_VERSION
from mempipe.steps.commit import Sidecar, commit_shard
from mempipe.steps.progress import Reporter
from mempipe.storage import open_store

if TYPE_CHECKING:
    from mempipe.training.own import Trials
    from mempipe.training.trainer import Trainer


def train(run_uri: str, trials: Span, reporter: Reporter, *, function: Callable[[Trials], Any] | None = None) -> None:
    """Train the missing trials of a span of a run.

    Args:
        run_uri: URI of the run.
        trials: the span.
        reporter: receives progress and notes.
        function: of this process, instead of the entry of an own trainer.
    """
    run = open_run(open_store(run_uri))
    chunks = run.missing(trials)
    if not chunks:
        reporter.note(f"trials {trials.start} to {trials.stop - 1} are committed, nothing to train")
        return
    dataset = _dataset(run)
    # Imported here, so that a task with nothing to train does not load TensorFlow.
    from mempipe.training.checkpoints import Checkpoints
    from mempipe.training.hardware import describe_hardware, describe_software
    from mempipe.training.trainer import open_trainer

    checkpoints = Checkpoints(run.store)
    all_trials = [trial for chunk in chunks for trial in range(*chunk)]
    spec = run.record.spec.model_copy(update={"data": read_plan(run.store).data})  # where the data is now
    trainer = open_trainer(spec, dataset, trials=all_trials, checkpoints=checkpoints, function=function)
    total = len(all_trials)
    with reporter.stage("training", total=total, unit="trials") as advance:
        for chunk in chunks:
            if not run.missing(chunk):
                trainer.skip(range(*chunk), advance)
                continue
            started = _now()
            shard, seconds = _train_chunk(run, dataset, trainer, chunk, advance)
            sidecar = Sidecar(
                hardware=describe_hardware(trainer.device, tensorflow=spec.trainer.kind != "own"),
                software=describe_software(),
                device=trainer.device,
                seconds=seconds,
                started=started,
                finished=_now(),
            )
            commit = commit_shard(run, chunk, shard, sidecar)
            checkpoints.clear(range(*chunk))
            reporter.note(f"trials {chunk.start} to {chunk.stop - 1}: {commit}")


def _dataset(run: Run) -> Dataset:
    record = run.record
    record.require_known_spec(run.uri)
    if record.numerics_version != NUMERICS_VERSION:
        raise RunError(
            f"Run cannot be continued: {run.uri} numerics_version is {record.numerics_version}, "
            f"expected {NUMERICS_VERSION} as this mempipe computes.",
            hint="plan the spec again: it becomes a new run; or use the version of mempipe that began this one.",
        )
    dataset = load_dataset(read_plan(run.store).data)
    if dataset.fingerprint != record.data.fingerprint:
        raise DataError(
            f"Data set is not the run's: {dataset.name} fingerprint is {dataset.fingerprint[:16]}…, "
            f"expected {record.data.fingerprint[:16]}….",
            hint="its content or order changed after planning; restore it, or plan a new run.",
        )
    return dataset


def _train_chunk(
    run: Run, dataset: Dataset, trainer: Trainer, chunk: Span, advance: Callable[[float], None]
) -> tuple[Shard, dict[int, float]]:
    trials = [
        _Packed(
            mask=pack(trial.subset_mask),
            train=_encoded(trial.train, dataset.n_classes),
            test=_encoded(trial.test, dataset.n_classes),
            seconds=trial.seconds,
        )
        for trial in trainer.train(range(*chunk), advance)
    ]
    names = run.record.spec.kept_outcomes
    shard = Shard(
        run_key=run.record.run_key,
        data_fingerprint=dataset.fingerprint,
        numerics_version=NUMERICS_VERSION,
        n_train=dataset.n_train,
        n_test=dataset.n_test,
        trials=np.arange(chunk.start, chunk.stop, dtype=np.int64),
        subset_mask=np.stack([trial.mask for trial in trials]),
        train={name: np.stack([trial.train[name] for trial in trials]) for name in names},
        test={name: np.stack([trial.test[name] for trial in trials]) for name in names},
    )
    return shard, dict(zip(range(*chunk), (trial.seconds for trial in trials), strict=True))


@dataclass(frozen=True, eq=False)
class _Packed:
    """One trial's outcomes, encoded as soon as it is trained, to keep a chunk of a large data set small."""

    mask: NDArray[np.uint8]
    train: dict[str, NDArray[Any]]
    test: dict[str, NDArray[Any]]
    seconds: float


def _encoded(values: Mapping[str, NDArray[Any]], n_classes: int) -> dict[str, NDArray[Any]]:
    return {name: outcome(name).encode(value, n_classes) for name, value in values.items()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
