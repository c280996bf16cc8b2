"""The bank: which outcomes a run keeps of each prediction. Where the spec does not say: all, up to 1 GB."""

from typing import Final

import numpy as np

from mempipe.outcomes import REQUIRED, outcome
from mempipe.runs.run import Run
from mempipe.spec import Own, Spec

BANK: Final = ("correct", "margin", "prediction")
"""What a bank keeps of each prediction."""

LIMIT: Final = 10**9
"""Bytes that a bank may take beside correctness unless the spec names `outcomes`."""


def bank_bytes(*, n_examples: int, n_classes: int, n_trials: int) -> int:
    """Return the bytes of margins and predicted classes in a run's shards.

    n_examples * n_trials * (2 + bytes of a class), where a class takes 1 byte up to 256 classes, then 2, then 4.

    Args:
        n_examples: training and test examples together.
        n_classes: number of classes.
        n_trials: number of trials.
    """
    one = np.zeros(1, dtype=np.int64)
    kinds = [outcome(name) for name in BANK if name != REQUIRED]
    return n_trials * sum(kind.width(n_examples) * kind.encode(one, n_classes).itemsize for kind in kinds)


def default_outcomes(spec: Spec, *, n_examples: int, n_classes: int, n_trials: int) -> tuple[str, ...]:
    """Return what a new run keeps whose spec names no outcomes.

    All of `BANK` if `bank_bytes` is at most `LIMIT`, else correctness; correctness, too, where the trainer gives no
    more.
    """
    size = bank_bytes(n_examples=n_examples, n_classes=n_classes, n_trials=n_trials)
    return _given(spec) if size <= LIMIT else (REQUIRED,)


def bank_note(run: Run, n_trials: int) -> str:
    """Return what a run keeps, what that takes for some number of trials, and how to keep all."""
    spec, data = run.record.spec, run.record.data
    kept = f"kept of each prediction: {', '.join(spec.kept_outcomes)}"
    size = bank_bytes(n_examples=data.n_train + data.n_test, n_classes=len(data.class_names), n_trials=n_trials)
    megabytes = f"{size / 1e6:,.1f} MB for {n_trials} trials"
    if set(BANK) <= set(spec.kept_outcomes):
        return f"{kept} ({megabytes})"
    if _given(spec) == (REQUIRED,):
        return f"{kept}, all that the trainer gives"
    return (
        f"{kept}; margins and predicted classes take {megabytes}: a new run keeps them if its spec has "
        f"`outcomes: [{', '.join(BANK)}]`"
    )


def growth_note(run: Run, n_trials: int) -> str | None:
    """Return what to know where a run that keeps all of `BANK` by default outgrows `LIMIT`; None: it does not."""
    spec, data = run.record.spec, run.record.data
    size = bank_bytes(n_examples=data.n_train + data.n_test, n_classes=len(data.class_names), n_trials=n_trials)
    if size <= LIMIT or not set(BANK) <= set(spec.kept_outcomes):
        return None
    return (
        f"the store will grow: margins and predicted classes of {n_trials} trials take {size / 1e9:,.1f} GB, and a run "
        "keeps what its first plan decided; for a run that keeps correctness alone, plan the spec with "
        f"`outcomes: [{REQUIRED}]` in another store"
    )


def _given(spec: Spec) -> tuple[str, ...]:
    """Return what the trainer can give of a bank."""
    trainer = spec.trainer
    return tuple(name for name in BANK if not isinstance(trainer, Own) or trainer.gives(name))
