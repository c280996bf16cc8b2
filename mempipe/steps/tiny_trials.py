"""Tiny trials: a spec's trainer, opened on a small subset of the data set, and what its trials take."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mempipe.data import Dataset, load_dataset
from mempipe.spec import Ensemble, Own, Spec
from mempipe.subsets import removal, subset_size
from mempipe.training.outcome import TrialOutcome
from mempipe.training.process_use import Meter
from mempipe.training.trainer import open_trainer

_SHARE: Final = 20
"""A tiny trial sees one in so many of the examples of a whole one, but two of each class where there are so many."""
_UNCERTAIN: Final = 0.01
"""Seconds by which two measurements of the same may differ."""


class Duration(NamedTuple):
    """Wall and processor time, in seconds."""

    seconds: float
    processor_seconds: float

    def plus(self, other: "Duration") -> "Duration":
        """Return the sum."""
        return Duration(self.seconds + other.seconds, self.processor_seconds + other.processor_seconds)


@dataclass(frozen=True, eq=False)
class Session:
    """Two groups of trials in a trainer that was opened for them.

    Attributes:
        n_seen: training examples that each trial saw.
        device: what the trainer trained on.
        outcomes: of the first trial of each group of trials.
        start_up: opening the trainer, and what the first group took longer than the second.
        group: of trials that the trainer trains at once, without start-up.
        is_at_once: whether the trainer trained both groups together, so that `group` has a share of the start-up.
    """

    n_seen: int
    device: str
    outcomes: tuple[TrialOutcome, TrialOutcome]
    start_up: Duration
    group: Duration
    is_at_once: bool


def groups(spec: Spec, *, repeats: int = 1) -> tuple[range, range]:
    """Return two groups of trials that a trainer trains at once, as many as it can; each begins with an even one.

    Args:
        spec: resolved.
        repeats: trials in the second group of a trainer that trains one after the other.
    """
    if not isinstance(spec.trainer, Ensemble):
        return range(1), range(2, 2 + repeats)
    width = spec.trainer.width
    size = min(width, spec.chunk_size)
    return range(size), range(2 * width, 2 * width + size)


def n_groups(spec: Spec, trials: range) -> int:
    """Return in how many groups a trainer trains consecutive trials."""
    width = spec.trainer.width if isinstance(spec.trainer, Ensemble) else 1
    return len({trial // width for trial in trials})


def tiny_size(spec: Spec, dataset: Dataset) -> int:
    """Return how many examples a tiny trial sees; twice as many are at most a whole trial's."""
    whole = subset_size(spec.subsets, dataset.n_train)
    return max(1, min(whole // 2, max(-(-whole // _SHARE), 2 * dataset.n_classes)))


def tiny_spec(spec: Spec, dataset: Dataset, size: int) -> Spec:
    """Return the spec with a small subset, the same in each even trial.

    Args:
        spec: resolved.
        dataset: the data set that it names.
        size: examples of the subset: the first of each class, then the second of each, and so on.
    """
    removed = np.ones(dataset.n_train, dtype=np.bool_)
    removed[np.lexsort((dataset.train_labels, _rank_in_class(dataset.train_labels)))[:size]] = False
    return spec.model_copy(update={"subsets": removal(removed)})


def with_predictions(spec: Spec) -> Spec:
    """Return the spec with margins and predicted classes among its outcomes, where its trainer gives them."""
    if isinstance(spec.trainer, Own) and spec.trainer.output == "correctness":
        return spec
    return spec.model_copy(update={"outcomes": tuple(sorted({*spec.kept_outcomes, "margin", "prediction"}))})


def start_of_process(spec: Spec, meter: Meter) -> Duration:
    """Return how long a process of `mempipe train` takes until it can open its trainer: its modules, the data set."""
    clock = _Clock(meter)
    subprocess.run([sys.executable, "-P", "-c", "import mempipe.steps.train"], check=True)
    load_dataset(spec.data)
    return clock.lap()


def run_session(
    spec: Spec, dataset: Dataset, meter: Meter, advance: Callable[[float], None], *, repeats: int = 1
) -> Session:
    """Open the trainer of a spec and train both of its groups, each by itself.

    A trainer of the user's own ends with its last trial; with more `repeats` that counts less.

    Raises:
        MempipeError: the trainer fails, or breaks its contract.
    """
    clock = _Clock(meter)
    both = groups(spec, repeats=repeats)
    trainer = open_trainer(spec, dataset, trials=[*both[0], *both[1]])
    opening = clock.lap()
    trained, laps = [], []
    for group in both:
        trained.append(list(trainer.train(group, advance)))
        laps.append(clock.lap())
    first, second = laps
    is_at_once = sum(outcome.seconds for outcome in trained[1]) > second.seconds + _UNCERTAIN
    n = n_groups(spec, both[1])
    if is_at_once:
        first = second = Duration(*((a + b) / (1 + n) for a, b in zip(first, second, strict=True)))
    else:
        second = Duration(*(value / n for value in second))
    return Session(
        n_seen=int(trained[1][0].subset_mask.sum()),
        device=trainer.device,
        outcomes=(trained[0][0], trained[1][0]),
        start_up=Duration(*(o + max(0.0, f - s) for o, f, s in zip(opening, first, second, strict=True))),
        group=second,
        is_at_once=is_at_once,
    )


def train_again(spec: Spec, dataset: Dataset, advance: Callable[[float], None]) -> TrialOutcome:
    """Train the first trial of the second group in a new trainer, without the first group before it."""
    trials = groups(spec)[1]
    outcome, *_ = open_trainer(spec, dataset, trials=trials).train(trials, advance)
    return outcome


class _Clock:
    """Measures the time between two calls of `lap`."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._last = self._now()

    def lap(self) -> Duration:
        now, last = self._now(), self._last
        self._last = now
        return Duration(now.seconds - last.seconds, now.processor_seconds - last.processor_seconds)

    def _now(self) -> Duration:
        return Duration(time.perf_counter(), self._meter.processor_seconds)


def _rank_in_class(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return of each example how many of its class come before it."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order])
    ranks = np.empty(len(labels), dtype=np.int64)
    ranks[order] = np.arange(len(labels)) - starts
    return ranks
