"""What must hold: the suites of the quality table (`shard_quality`) and of a release's tables (`release_…`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Final

from mempipe.runs import RunRecord, Span
from mempipe.spec import Subsets
from mempipe.subsets.design import DEAL
from mempipe.validation.checks import (
    Check,
    Suite,
    Where,
    at_most,
    column_sum,
    each_once,
    equal,
    mostly_not_null,
    not_null,
    null,
    sums_to,
    table_checks,
    unique,
    unique_together,
    within,
)
from mempipe.validation.quality import SCHEMA

if TYPE_CHECKING:
    from pandas import DataFrame

ODD_SHARE: Final = 0.01
"""More odd trials than this share are a warning: the recipe or a machine may be at fault."""

_CIRCUMSTANCES: Final = ("seconds", "device", "hardware")


def shard_quality(record: RunRecord, trials: Span) -> Suite:
    """Return the suite of the quality table of these trials.

    Args:
        record: of the run.
        trials: that the table must hold, each once.
    """
    low, high = subset_limits(record.spec.subsets, record.data.n_train, size=record.subset_size)
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
        *(not_null(column, words="from the shard's sidecar", severity="info") for column in _CIRCUMSTANCES),
        Check(
            "odd_share",
            "ExpectColumnValuesToBeInSet",
            f"at most {ODD_SHARE:.0%} odd trials (they are valid, and count)",
            {"column": "odd", "value_set": [False], "mostly": 1 - ODD_SHARE},
            severity="warning",
        ),
        not_null("odd_reason", where=Where((("odd", "==", True),)), words="for each odd trial"),
    ]
    note = f"One row for each of the trials {trials.start} to {trials.stop - 1}, of shards that passed our own checks."
    return Suite("shard_quality", "trials", note, tuple(checks))


def subset_limits(subsets: Subsets, n_train: int, *, size: int) -> tuple[int, int]:
    """Return the smallest and the largest subset that a trial of this design can have.

    `uniform` and `removal`: both are the nominal `size`. `balanced`: the n examples are dealt over the W = C(10, k)
    ways of leaving out 10 - k of 10 trials, floor(n / W) to each and one more to n mod W of them; a trial sees
    C(9, k - 1) of the ways.
    """
    if subsets.design != "balanced":
        return size, size
    n_in = int(subsets.ratio * DEAL)
    ways, seen = comb(DEAL, n_in), comb(DEAL - 1, n_in - 1)
    each, extra = divmod(n_train, ways)
    return seen * each + max(0, extra - (ways - seen)), seen * each + min(extra, seen)


UNDEFINED_SHARE: Final = 0.001
"""More examples without a score than this share are a warning: the run has too few trials."""

_UNDEFINED: Final = Where((("n_in", "==", 0), ("n_out", "==", 0)), "or")
_DEFINED: Final = Where((("n_in", ">", 0), ("n_out", ">", 0)))


@dataclass(frozen=True)
class ReleaseFacts:
    """Facts of a release that its tables must agree with.

    Attributes:
        n_train, n_test: of the data set.
        n_trials: trials counted.
        mem_threshold, infl_threshold: least memorization and influence of a high-influence pair.
        same_label: the pairs are of equal labels only.
    """

    n_train: int
    n_test: int
    n_trials: int
    mem_threshold: float = 0.25
    infl_threshold: float = 0.15
    same_label: bool = True


def release_suites(tables: Mapping[str, DataFrame], facts: ReleaseFacts) -> tuple[Suite, ...]:
    """Return the suites of a release's tables.

    Args:
        tables: `examples`, `test_examples`, `pairs` and `classes`, as published; their totals are compared.
            Also the tables of estimators beside `plain`.
        facts: of the release.
    """
    labels = tables["classes"]["label"]
    label = within("label", int(labels.min()), int(labels.max())) if len(labels) else within("label", 0, 0)
    return (
        release_examples(facts, tables["examples"].columns, label=label),
        release_test_examples(facts, tables["test_examples"].columns, label=label),
        release_pairs(facts, tables["pairs"].columns),
        release_classes(facts, tables),
        *(_estimates(facts, name, tables[name].columns, label=label) for name in tables if "-" in name),
    )


def release_examples(facts: ReleaseFacts, columns: Collection[str], *, label: Check) -> Suite:
    """Return the suite of the training examples' scores and counts."""
    checks = [
        *table_checks("examples", columns, instead={"idx": each_once("idx", 0, facts.n_train), "label": (label,)}),
        *_counts(facts),
        not_null("mem", where=_DEFINED, words="where some trials saw the example and some did not"),
        null("mem", where=_UNDEFINED, words="where every trial or none saw the example"),
        not_null("mem_se", where=_DEFINED, words="where mem is defined"),
        null("mem_se", where=_UNDEFINED, words="where mem is not defined"),
        not_null("heldout_accuracy", where=Where((("n_out", ">", 0),)), words="where a trial did not see the example"),
        null("heldout_accuracy", where=Where((("n_out", "==", 0),)), words="where every trial saw the example"),
        mostly_not_null(
            "mem",
            1 - UNDEFINED_SHARE,
            f"at most {UNDEFINED_SHARE:.1%} of the examples without a score (more trials define them)",
        ),
    ]
    note = f"One row for each of the {facts.n_train} training examples, counted over {facts.n_trials} trials."
    return Suite("release_examples", "examples", note, tuple(checks))


def release_test_examples(facts: ReleaseFacts, columns: Collection[str], *, label: Check) -> Suite:
    """Return the suite of the test examples' counts."""
    n_trials = facts.n_trials
    checks = [
        *table_checks(
            "test_examples",
            columns,
            instead={
                "idx": each_once("idx", 0, facts.n_test),
                "label": (label,),
                "n_trials": (within("n_trials", n_trials, n_trials, note=f"n_trials {n_trials}, the trials counted"),),
            },
        ),
        at_most("n_correct", "n_trials"),
    ]
    note = f"One row for each of the {facts.n_test} test examples."
    return Suite("release_test_examples", "test_examples", note, tuple(checks))


def release_pairs(facts: ReleaseFacts, columns: Collection[str]) -> Suite:
    """Return the suite of the high-influence pairs; no pair at all is valid."""
    checks = [*_pair_checks(facts, "pairs", columns), *_counts(facts)]
    note = (
        f"Pairs of training and test examples with infl >= {facts.infl_threshold:g} and mem >= {facts.mem_threshold:g}"
        f"{', of equal labels' if facts.same_label else ''}."
    )
    return Suite("release_pairs", "pairs", note, tuple(checks))


def _pair_checks(facts: ReleaseFacts, table: str, columns: Collection[str]) -> tuple[Check, ...]:
    """Expect selected pairs, whatever estimator selected them."""
    return (
        *table_checks(
            table,
            columns,
            instead={
                "tr_idx": (within("tr_idx", 0, facts.n_train - 1),),
                "tt_idx": (within("tt_idx", 0, facts.n_test - 1),),
                "infl": (not_null("infl"), within("infl", facts.infl_threshold, 1)),
                "mem": (not_null("mem"), within("mem", facts.mem_threshold, 1)),
            },
        ),
        unique_together(("tr_idx", "tt_idx")),
        *((equal("label", "tt_label"),) if facts.same_label else ()),
    )


def _estimates(facts: ReleaseFacts, table: str, columns: Collection[str], *, label: Check) -> Suite:
    """Return the suite of `examples-<estimator>` or `pairs-<estimator>`: positions, limits, an error for each score."""
    kind, _, estimator = table.partition("-")
    if kind == "pairs":
        checks = _pair_checks(facts, table, columns)
    else:
        checks = (
            *table_checks(table, columns, instead={"idx": each_once("idx", 0, facts.n_train), "label": (label,)}),
            not_null("mem_se", where=Where((("mem", ">=", -1),)), words="where mem is defined"),
            not_null("mem", where=Where((("mem_se", ">", 0),)), words="where mem_se is defined"),
        )
    return Suite(f"release_{table}", table, f"{kind.capitalize()} as the estimator {estimator} scores them.", checks)


def release_classes(facts: ReleaseFacts, tables: Mapping[str, DataFrame]) -> Suite:
    """Return the suite of the classes, whose counts must add up to the other tables'."""
    mem = tables["examples"]["mem"]
    checks = [
        *table_checks("classes", tables["classes"].columns, instead={}),
        unique("label"),
        column_sum("n_train", facts.n_train, "the training examples"),
        column_sum("n_test", facts.n_test, "the test examples"),
        column_sum("n_undefined", int(mem.isna().sum()), "the examples without a score"),
        column_sum(
            "n_mem_above_threshold",
            int((mem >= facts.mem_threshold).sum()),
            f"the examples with mem >= {facts.mem_threshold:g}",
        ),
        column_sum("n_pairs", len(tables["pairs"]), "the pairs"),
        at_most("n_mem_above_threshold", "n_train"),
        at_most("n_undefined", "n_train"),
        not_null(
            "mean_mem", where=Where((("n_undefined", "==", 0), ("n_train", ">", 0))), words="where every score is"
        ),
    ]
    return Suite("release_classes", "classes", "One row for each class.", tuple(checks))


def _counts(facts: ReleaseFacts) -> tuple[Check, ...]:
    """Expect counts that fit together."""
    return (
        sums_to(("n_in", "n_out"), facts.n_trials, "the trials counted"),
        at_most("correct_in", "n_in"),
        at_most("correct_out", "n_out"),
    )
