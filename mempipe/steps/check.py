"""`mempipe check`: a dry run of a few tiny trials through the whole contract of a trainer; writes to no store."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from mempipe.errors import NumericsError, TrialError
from mempipe.outcomes import REQUIRED
from mempipe.spans import Span
from mempipe.spec import Own, Spec
from mempipe.steps.cost import RunCost, extrapolate, run_cost
from mempipe.steps.plan import checked_spec, with_outcomes
from mempipe.steps.progress import Reporter
from mempipe.steps.tiny_trials import (
    groups,
    run_session,
    start_of_process,
    tiny_size,
    tiny_spec,
    train_again,
    with_predictions,
)
from mempipe.steps.workers import n_cores
from mempipe.subsets import subset_size
from mempipe.training.outcome import TrialOutcome
from mempipe.training.own.memory import default_limit
from mempipe.training.presence import absence
from mempipe.training.process_use import Meter
from mempipe.validation.order import OrderTest, compare_orders, is_reordered

_SHORT: Final = 60.0
"""Whole trials are measured, not estimated, if a group of them takes at most so many seconds."""
_MEASURED: Final = 5.0
_MOST_REPEATS: Final = 50
"""Of short whole trials several are measured: for so many seconds, and at most so many."""


@dataclass(frozen=True)
class CheckReport:
    """What a dry run showed; what breaks the contract is an error instead.

    Attributes:
        name: of the spec.
        data: the data set and its sizes.
        trainer: its kind; of `fastest` the one that is chosen here.
        device: what the trainer trained on.
        n_seen: examples that the tiny trials saw.
        is_deterministic: a trial trained again, in a new trainer, gave the same bytes.
        train_order: of the examples that a tiny trial saw.
        test_order: None where the trainer gives correctness alone, which does not show it.
        start_up_seconds: from the start of a process to its first trial.
        basis: what seconds, hours and core-hours were computed from.
        peak_memory: of this process and its children, in bytes.
        cost: of the whole run.
        warnings: what does not break the contract and needs a look.
    """

    name: str
    data: str
    trainer: str
    device: str
    n_seen: int
    is_deterministic: bool
    train_order: OrderTest
    test_order: OrderTest | None
    start_up_seconds: float
    basis: str
    peak_memory: int
    cost: RunCost
    warnings: tuple[str, ...]


def check(
    spec_uri: str, reporter: Reporter, *, trials: Span | None = None, n_workers: int | None = None
) -> CheckReport:
    """Train tiny trials of a spec, judge them, and estimate the whole run.

    Args:
        spec_uri: path, URI or name of the spec.
        reporter: receives progress, and why a trainer was chosen.
        trials: of the run to estimate; the spec's by default.
        n_workers: training processes at once; cores divided by the threads of a process by default.

    Raises:
        MempipeError: the spec, its data set or its trainer cannot be used.
        NumericsError: a trial that was trained again differs, and the spec does not say `deterministic: false`.
    """
    checked = checked_spec(spec_uri, reporter)
    if absent := absence(checked.spec):
        raise absent
    trials = trials or Span(0, checked.spec.trials)
    dataset, planned = checked.dataset, with_outcomes(checked, len(trials))
    spec = with_predictions(planned)
    whole, size = subset_size(spec.subsets, dataset.n_train), tiny_size(spec, dataset)
    tiny, double = (tiny_spec(spec, dataset, n) for n in (size, 2 * size))
    n_trials = sum(map(len, groups(spec)))
    with Meter() as meter:
        start_up = start_of_process(spec, meter)
        with reporter.stage("tiny trials", total=2.5 * n_trials, unit="trials") as advance:
            first = run_session(tiny, dataset, meter, advance)
            is_deterministic = _is_repeated(spec, first.outcomes[1], train_again(tiny, dataset, advance))
            last = second = run_session(double, dataset, meter, advance)
        start_up = start_up.plus(first.start_up)
        group = extrapolate((first.n_seen, first.group), (last.n_seen, last.group), whole)
        basis = f"trials on {first.n_seen} and {last.n_seen} of {whole} examples, as if each example added the same"
        # The difference of two short times is uncertain; in proportion is an upper limit.
        if min(group.seconds, last.group.seconds * whole / last.n_seen) <= _SHORT:
            seconds = min(group.seconds, last.outcomes[1].seconds * whole / last.n_seen)  # without a trainer's end
            repeats = max(1, min(_MOST_REPEATS, int(_MEASURED / seconds)))
            n_trials = sum(map(len, groups(spec, repeats=repeats)))
            with reporter.stage("whole trials", total=n_trials, unit="trials") as advance:
                last = run_session(spec, dataset, meter, advance, repeats=repeats)
            group, basis = last.group, f"trials on all {whole} examples"
        if last.is_at_once:
            basis += "; an upper limit, as trials that are trained at once have a share of the start in each"
    trial = last.outcomes[1]
    # Correctness alone shows the order by what a trial saw, and most where it saw little.
    shown = trial if "prediction" in trial.train else second.outcomes[1]
    n_workers = n_workers or n_cores() // spec.trainer.threads or 1
    cost = run_cost(
        planned,
        dataset,
        trials,
        start_up=start_up,
        group=group,
        n_workers=n_workers,
        sample=trial,
    )
    train_order = compare_orders(shown.train, dataset.train_labels, shown.subset_mask)
    test_order = None
    if "prediction" in trial.test:
        test_order = compare_orders(trial.test, dataset.test_labels, np.ones(dataset.n_test, dtype=np.bool_))
    return CheckReport(
        name=spec.name,
        data=f"{dataset.name}: {dataset.n_train} train, {dataset.n_test} test, {dataset.n_classes} classes",
        trainer=spec.trainer.kind,
        device=first.device,
        n_seen=first.n_seen,
        is_deterministic=is_deterministic,
        train_order=train_order,
        test_order=test_order,
        start_up_seconds=start_up.seconds,
        basis=basis,
        peak_memory=meter.peak_memory,
        cost=cost,
        warnings=tuple(_warnings(train_order, test_order, meter.peak_memory, cost.n_workers)),
    )


def _is_repeated(spec: Spec, trial: TrialOutcome, again: TrialOutcome) -> bool:
    """Return whether a trial that was trained again, in a new trainer and alone, has the same outcomes.

    Raises:
        TrialError: it has the same predictions in another order.
        NumericsError: it differs, and its trainer is said to be deterministic.
    """
    pairs = [(trial.train, again.train), (trial.test, again.test)]
    if all(np.array_equal(before[name], after[name]) for before, after in pairs for name in before):
        return True
    if any(is_reordered(before, after) for before, after in pairs):
        raise TrialError(
            f"Trainer breaks its contract: trial {trial.trial}, trained twice, gives the same predictions in another "
            "order, expected the data set's order.",
            hint="predictions are in shuffled order: switch shuffling off in the loader that evaluates.",
        )
    if isinstance(spec.trainer, Own) and not spec.trainer.deterministic:
        return False
    n = sum(int(np.count_nonzero(before[REQUIRED] != after[REQUIRED])) for before, after in pairs)
    raise NumericsError(
        f"Trainer is not deterministic: trial {trial.trial}, trained alone in a new trainer, has other outcomes than "
        f"after another trial ({n} of {sum(len(before[REQUIRED]) for before, _ in pairs)} examples differ in "
        "correctness), expected equal bytes.",
        hint="seed everything from the trial's seed, for each trial anew; or declare `deterministic: false` in "
        "`trainer`: the first commit of a chunk stays then.",
    )


def _warnings(train: OrderTest, test: OrderTest | None, memory: int, n_workers: int) -> Iterator[str]:
    cause = "or training on so few examples learned nothing that shows"
    if not train.fits:
        unseen = " (correctness alone does not tell this from a model that is right as often on other examples)"
        yield (
            f"of the examples that a trial saw {train.accuracy:.1%} are right, in random orders of the predictions up "
            f"to {train.largest_random:.1%}: the predictions are in a wrong order, or the classes are, {cause}"
            f"{unseen if test is None else ''}"
        )
    elif test is not None and not test.fits:
        yield (
            f"of the test examples {test.accuracy:.1%} are right, in random orders of the predictions up to "
            f"{test.largest_random:.1%}: the test predictions are in a wrong order, {cause}"
        )
    if n_workers * memory > (available := default_limit()):
        yield (
            f"{n_workers} processes of {memory / 1e9:.1f} GB need more than nine tenths of this machine's memory, "
            f"{available / 1e9:.1f} GB: give `mempipe run` fewer `--workers`"
        )
