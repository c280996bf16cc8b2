"""What a report shows, wherever it came from: arrays, tables to download, and facts in words."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.release.scores import ScoreFile
from mempipe.report.experiments import ShownExperiment

MAX_PAIRS: Final = 20_000
"""Pairs below the release's own thresholds are added while the report holds no more than these."""

LOWEST_MEM: Final = 0.1
LOWEST_INFL: Final = 0.05
_STEP: Final = 0.01


@dataclass(frozen=True)
class Limits:
    """Two thresholds of a selection of pairs: mem >= `mem` and infl >= `infl`."""

    mem: float
    infl: float


@dataclass(frozen=True, eq=False)
class ReportContent:
    """Scores of a release, or of the authors' files.

    Attributes:
        title: what the scores are of.
        id: of the scores.
        uri: where the scores lie.
        facts: provenance as (name, value), in the order of the page.
        class_names: one a label.
        n_trials: models; None where unknown.
        thresholds: that the high-influence pairs were selected with.
        floor: lower thresholds, down to which `pairs` is complete.
        train: arrays (n_train,): label, mem; where known mem_se, n_in, n_out, correct_in, correct_out.
        test: arrays (n_test,): label; where known n_correct.
        pairs: arrays (n_pairs,): tr_idx, tt_idx, infl; where known infl_se, correct_in, correct_out. By descending
            influence.
        train_names, test_names: names of image files; None where there are none.
        tables: to download as CSV, by file name without ending.
        files: that hold the scores.
        spec: the resolved spec as YAML; None where there was no run.
        data: the spec's data set (a component's keys); None where unknown.
        fingerprint: of the data set; None where unknown.
        experiments: whose results are shown, in the order of the page.
        has_pairs: whether pairs are known; where not, `pairs` is empty.
    """

    title: str
    id: str
    uri: str
    facts: list[tuple[str, str]]
    class_names: list[str]
    n_trials: int | None
    thresholds: Limits
    floor: Limits
    train: dict[str, NDArray[Any]]
    test: dict[str, NDArray[Any]]
    pairs: dict[str, NDArray[Any]]
    train_names: list[str] | None
    test_names: list[str] | None
    tables: dict[str, pa.Table] = field(default_factory=dict)
    files: tuple[ScoreFile, ...] = ()
    spec: str | None = None
    data: dict[str, Any] | None = None
    fingerprint: str | None = None
    experiments: list[ShownExperiment] = field(default_factory=list)
    has_pairs: bool = True


def lowest_limits(thresholds: Limits) -> Limits:
    """Return the lowest thresholds that a report's sliders go down to."""
    return Limits(min(LOWEST_MEM, thresholds.mem), min(LOWEST_INFL, thresholds.infl))


def floor_for(infl: NDArray[np.float64], lowest: Limits, thresholds: Limits, *, max_pairs: int = MAX_PAIRS) -> Limits:
    """Return the lowest floor that leaves at most `max_pairs` pairs, but never one above the release's thresholds.

    Args:
        infl: influence of all pairs that `lowest` selects, in any order.
        lowest: with which they were selected.
        thresholds: of the release.
        max_pairs: how many pairs a report should hold.

    Returns:
        `lowest.mem`, and `lowest.infl` raised in steps of 0.01; the release's own thresholds where even the last step
        leaves more.
    """
    n_steps = max(0, round((thresholds.infl - lowest.infl) / _STEP))
    for step in range(n_steps):
        value = round(lowest.infl + step * _STEP, 10)
        if np.count_nonzero(infl >= value) <= max_pairs:
            return Limits(lowest.mem, value)
    if np.count_nonzero(infl >= thresholds.infl) <= max_pairs:
        return Limits(lowest.mem, thresholds.infl)
    return thresholds
