"""What must hold for a release's tables: the suites `release_examples`, `_test_examples`, `_pairs` and `_classes`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

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
    unique,
    unique_together,
    within,
)

if TYPE_CHECKING:
    from pandas import DataFrame

UNDEFINED_SHARE: Final = 0.001
"""More examples without a score than this share are a warning: the run has too few trials."""

_INT: Final = "int64"
_FLOAT: Final = "float64"
_COUNTS: Final = {"n_in": _INT, "n_out": _INT, "correct_in": _INT, "correct_out": _INT}
_EXAMPLES: Final = {"idx": _INT, "label": _INT, "mem": _FLOAT, "mem_se": _FLOAT, **_COUNTS, "heldout_accuracy": _FLOAT}
_TEST_EXAMPLES: Final = {"idx": _INT, "label": _INT, "n_trials": _INT, "n_correct": _INT, "accuracy": _FLOAT}
_PAIRS: Final = {
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
_CLASSES: Final = {
    "label": _INT,
    "name": None,
    "n_train": _INT,
    "n_test": _INT,
    "mean_mem": _FLOAT,
    "n_mem_above_threshold": _INT,
    "n_pairs": _INT,
    "n_undefined": _INT,
}
_UNDEFINED: Final = Where((("n_in", "==", 0), ("n_out", "==", 0)), "or")
_DEFINED: Final = Where((("n_in", ">", 0), ("n_out", ">", 0)))


@dataclass(frozen=True)
class ReleaseFacts:
    """What a release says of itself, which its tables must bear out.

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
        tables: `examples`, `test_examples`, `pairs` and `classes`, as they are published; their totals are compared.
        facts: of the release.
    """
    labels = tables["classes"]["label"]
    low, high = (int(labels.min()), int(labels.max())) if len(labels) else (0, 0)
    return (
        release_examples(facts, label_range=(low, high), with_filename="filename" in tables["examples"]),
        release_test_examples(facts, label_range=(low, high), with_filename="filename" in tables["test_examples"]),
        release_pairs(facts),
        release_classes(facts, tables),
    )


def release_examples(facts: ReleaseFacts, *, label_range: tuple[int, int], with_filename: bool) -> Suite:
    """Return the suite of the training examples' scores and counts."""
    checks = [
        *_columns(_EXAMPLES, with_filename),
        *each_once("idx", 0, facts.n_train),
        within("label", *label_range),
        *_counts(facts),
        within("mem", -1, 1),
        known("mem", where=_DEFINED, words="where some trials saw the example and some did not"),
        null("mem", where=_UNDEFINED, words="where every trial or none saw the example"),
        within("mem_se", 0, above=True),
        known("mem_se", where=_DEFINED, words="where mem is defined"),
        null("mem_se", where=_UNDEFINED, words="where mem is not defined"),
        within("heldout_accuracy", 0, 1),
        known("heldout_accuracy", where=Where((("n_out", ">", 0),)), words="where a trial did not see the example"),
        null("heldout_accuracy", where=Where((("n_out", "==", 0),)), words="where every trial saw the example"),
        mostly_known(
            "mem",
            1 - UNDEFINED_SHARE,
            f"at most {UNDEFINED_SHARE:.1%} of the examples without a score (more trials define them)",
        ),
    ]
    note = f"One row for each of the {facts.n_train} training examples, counted over {facts.n_trials} trials."
    return Suite("release_examples", "examples", note, tuple(checks))


def release_test_examples(facts: ReleaseFacts, *, label_range: tuple[int, int], with_filename: bool) -> Suite:
    """Return the suite of the test examples' counts."""
    checks = [
        *_columns(_TEST_EXAMPLES, with_filename),
        *each_once("idx", 0, facts.n_test),
        within("label", *label_range),
        within("n_trials", facts.n_trials, facts.n_trials, note=f"n_trials {facts.n_trials}, the trials counted"),
        within("n_correct", 0),
        at_most("n_correct", "n_trials"),
        known("accuracy"),
        within("accuracy", 0, 1),
    ]
    note = f"One row for each of the {facts.n_test} test examples."
    return Suite("release_test_examples", "test_examples", note, tuple(checks))


def release_pairs(facts: ReleaseFacts) -> Suite:
    """Return the suite of the high-influence pairs; no pair at all is valid."""
    checks = [
        *_columns(_PAIRS),
        unique_together(("tr_idx", "tt_idx")),
        within("tr_idx", 0, facts.n_train - 1),
        within("tt_idx", 0, facts.n_test - 1),
        *((equal("label", "tt_label"),) if facts.same_label else ()),
        *_counts(facts, least=1),
        known("infl"),
        within("infl", facts.infl_threshold, 1),
        known("infl_se"),
        within("infl_se", 0, above=True),
        known("mem"),
        within("mem", facts.mem_threshold, 1),
        known("mem_se"),
        within("mem_se", 0, above=True),
    ]
    note = (
        f"Pairs of training and test examples with infl >= {facts.infl_threshold:g} and mem >= {facts.mem_threshold:g}"
        f"{', of equal labels' if facts.same_label else ''}."
    )
    return Suite("release_pairs", "pairs", note, tuple(checks))


def release_classes(facts: ReleaseFacts, tables: Mapping[str, DataFrame]) -> Suite:
    """Return the suite of the classes, whose counts must add up to the other tables'."""
    mem = tables["examples"]["mem"]
    checks = [
        *_columns(_CLASSES),
        unique("label"),
        known("name"),
        within("n_train", 0),
        within("n_test", 0),
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
        within("mean_mem", -1, 1),
        known("mean_mem", where=Where((("n_undefined", "==", 0), ("n_train", ">", 0))), words="where every score is"),
    ]
    return Suite("release_classes", "classes", "One row for each class.", tuple(checks))


def _columns(types: Mapping[str, str | None], with_filename: bool = False) -> Iterable[Check]:
    names = (*types, "filename") if with_filename else tuple(types)
    yield ordered_columns(names)
    for column, dtype in types.items():
        if dtype is not None:
            yield column_type(column, dtype)


def _counts(facts: ReleaseFacts, *, least: int = 0) -> tuple[Check, ...]:
    """Expect counts that fit together; `least` is 1 where a score needs trials with and without the example."""
    return (
        sums_to(("n_in", "n_out"), facts.n_trials, "the trials counted"),
        *(within(column, least if column.startswith("n_") else 0) for column in _COUNTS),
        at_most("correct_in", "n_in"),
        at_most("correct_out", "n_out"),
    )
