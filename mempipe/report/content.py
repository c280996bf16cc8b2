"""Content of a report, from any source: arrays, tables to download, and facts as text."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.release.scores import ScoreFile
from mempipe.report.experiments import ReportedExperiment

MAX_PAIRS: Final = 20_000
"""The report includes pairs below the release's thresholds up to this total number of pairs."""

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
        title: title of the page.
        id: id of the release, or of the authors' files.
        uri: folder or URI of the scores.
        facts: provenance as (name, value), in the order of the page.
        class_names: one for each label.
        n_trials: number of models; None if unknown.
        thresholds: thresholds of the high-influence pairs.
        floor: lower thresholds; `pairs` is complete down to these.
        train: arrays (n_train,): label, mem; if known mem_se, n_in, n_out, correct_in, correct_out.
        test: arrays (n_test,): label; if known n_correct.
        pairs: arrays (n_pairs,): tr_idx, tt_idx, infl; if known infl_se, correct_in, correct_out. By descending
            influence.
        train_names, test_names: names of image files; None if there are none.
        tables: tables to download as CSV, by file name without suffix.
        files: the files of the scores.
        spec: the resolved spec as YAML; None without a run.
        data: the spec's data set (a component's keys); None where unknown.
        fingerprint: fingerprint of the data set; None if unknown.
        experiments: experiments with results, in the order of the page.
        has_pairs: whether pairs are known; if not, `pairs` is empty.
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
    experiments: list[ReportedExperiment] = field(default_factory=list)
    has_pairs: bool = True


def lowest_limits(thresholds: Limits) -> Limits:
    """Return the lowest thresholds of a report's sliders."""
    return Limits(min(LOWEST_MEM, thresholds.mem), min(LOWEST_INFL, thresholds.infl))


def floor_for(infl: NDArray[np.float64], lowest: Limits, thresholds: Limits, *, max_pairs: int = MAX_PAIRS) -> Limits:
    """Return the lowest floor with at most `max_pairs` pairs, but never above the release's thresholds.

    Args:
        infl: influence of all pairs that `lowest` selects, in any order.
        lowest: the thresholds of that selection.
        thresholds: thresholds of the release.
        max_pairs: maximal number of pairs.

    Returns:
        `lowest.mem`, and `lowest.infl` raised in steps of 0.01; the release's own thresholds if no step suffices.
    """
    n_steps = max(0, round((thresholds.infl - lowest.infl) / _STEP))
    for step in range(n_steps):
        value = round(lowest.infl + step * _STEP, 10)
        if np.count_nonzero(infl >= value) <= max_pairs:
            return Limits(lowest.mem, value)
    if np.count_nonzero(infl >= thresholds.infl) <= max_pairs:
        return Limits(lowest.mem, thresholds.infl)
    return thresholds
