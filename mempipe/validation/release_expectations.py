"""What must hold for a release's tables: the suites `release_examples`, `release_test_examples`, `release_pairs`, …"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mempipe.validation.checks import (
    Check,
    Suite,
    Where,
    at_most,
    column_sum,
    column_type,
    each_once,
    equal,
    known,
    mostly_known,
    null,
    ordered_columns,
    sums_to,
    unique_together,
    within,
)

if TYPE_CHECKING:
    from pandas import DataFrame

UNDEFINED_SHARE = 0.001
"""More examples without a score than this share are a warning: the run has too few trials."""

_INT, _FLOAT = "int64", "float64"
_COUNTS = {"n_in": _INT, "n_out": _INT, "correct_in": _INT, "correct_out": _INT}
_EXAMPLES = {"idx": _INT, "label": _INT, "mem": _FLOAT, "mem_se": _FLOAT, **_COUNTS, "heldout_accuracy": _FLOAT}
_TEST_EXAMPLES = {"idx": _INT, "label": _INT, "n_trials": _INT, "n_correct": _INT, "accuracy": _FLOAT}
_PAIRS = {
    "tr_idx": _INT,
    "tt_idx": _INT,
    "label": _INT,
    "tt_label": _INT,
    "infl": _FLOAT,
    "infl_se": _FLOAT,
    "mem": _FLOAT,
    "mem_se": _FLOAT,
    **_COUNTS,
}
_CLASSES = {
    "label": _INT,
    "name": None,
    "n_train": _INT,
    "n_test": _INT,
    "mean_mem": _FLOAT,
    "n_mem_above_threshold": _INT,
    "n_pairs": _INT,
    "n_undefined": _INT,
}
_UNDEFINED = Where((("n_in", "==", 0), ("n_out", "==", 0)), "or")
_DEFINED = Where((("n_in", ">", 0), ("n_out", ">", 0)))


@dataclass(frozen=True)
class ReleaseFacts:
    """What a release says of itself, which its tables must bear out.

    Attributes:
        n_train, n_test, n_classes: of the data set.
        n_trials: trials counted.
        mem_threshold, infl_threshold: least memorization and influence of a high-influence pair.
        same_label: the pairs are of equal labels only.
    """

    n_train: int
    n_test: int
    n_classes: int
    n_trials: int
    mem_threshold: float = 0.25
    infl_threshold: float = 0.15
    same_label: bool = True


def release_suites(facts: ReleaseFacts, tables: Mapping[str, DataFrame]) -> tuple[dict[str, Suite], Mapping[str, DataFrame]]:
    """Placeholder."""
    raise NotImplementedError
