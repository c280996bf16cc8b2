"""What must hold for the quality table: the suite `shard_quality`."""

from collections.abc import Sequence
from math import comb
from typing import Final

from mempipe.runs import RunRecord, Span
from mempipe.spec import Subsets
from mempipe.subsets import subset_size
from mempipe.subsets.design import DEAL
from mempipe.validation.checks import Check, Suite, Where, each_once, known, within
from mempipe.validation.quality import SCHEMA
from mempipe.validation.table_checks import table_checks

ODD_SHARE: Final = 0.01
"""More odd trials than this share are a warning: then it is the recipe or a machine that is odd."""

_CIRCUMSTANCES: Final = ("seconds", "device", "hardware")


def shard_quality(record: RunRecord, trials: Span) -> Suite:
    """Return the suite of the quality table of these trials.

    Args:
        record: of the run.
        trials: that the table must hold, each once.
    """
    low, high = subset_limits(record.spec.subsets, record.data.n_train)
    design = record.spec.subsets.design
    size = f"exactly {low}" if low == high else f"{low} to {high}"
    instead: dict[str, Sequence[Check]] = {
        "trial": each_once("trial", trials.start, trials.stop),
        "n_subset": (within("n_subset", low, high, note=f"n_subset {size} as the {design} design gives"),),
    }
    if low == record.data.n_train:  # nothing is removed, so no example is held out
        instead["train_accuracy_out"] = ()
    checks = [
        *table_checks(
            "trials", SCHEMA.names, known_too=("train_accuracy_in", "train_accuracy_out", "shard"), instead=instead
        ),
        *(known(column, words="from the shard's sidecar", severity="info") for column in _CIRCUMSTANCES),
        Check(
            "odd_share",
            "ExpectColumnValuesToBeInSet",
            f"at most {ODD_SHARE:.0%} odd trials (they are valid, and count)",
            {"column": "odd", "value_set": [False], "mostly": 1 - ODD_SHARE},
            severity="warning",
        ),
        known("odd_reason", where=Where((("odd", "==", True),)), words="for each odd trial"),
    ]
    note = f"One row for each of the trials {trials.start} to {trials.stop - 1}, of shards that passed our own checks."
    return Suite("shard_quality", "trials", note, tuple(checks))


def subset_limits(subsets: Subsets, n_train: int) -> tuple[int, int]:
    """Return the smallest and the largest subset that a trial of this design can have.

    `uniform` and `removal`: both are m. `balanced`: the n examples are dealt over the W = C(10, k) ways of leaving out
    10 - k of 10 trials, floor(n / W) to each and one more to n mod W of them; a trial sees C(9, k - 1) of the ways.
    """
    size = subset_size(subsets, n_train)
    if subsets.design != "balanced":
        return size, size
    n_in = int(subsets.ratio * DEAL)
    ways, seen = comb(DEAL, n_in), comb(DEAL - 1, n_in - 1)
    each, extra = divmod(n_train, ways)
    return seen * each + max(0, extra - (ways - seen)), seen * each + min(extra, seen)
