"""Great Expectations' suites: good tables pass, and each planted defect fails exactly the expectation meant for it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mempipe.errors import ExpectationError
from mempipe.runs import Span
from mempipe.spec import Subsets
from mempipe.storage import open_store
from mempipe.subsets import subset_mask, subset_size
from mempipe.tables.schema import TABLES
from mempipe.validation.checks import Suite
from mempipe.validation.data_docs import check_tables
from mempipe.validation.expectations import ReleaseFacts, release_suites, shard_quality, subset_limits
from mempipe.validation.quality import UNKNOWN, Circumstances, concat, mark_odd, quality_rows
from mempipe.validation.report import SuiteResults
from tests.validation.release_tables import FACTS, N_TRIALS, Tables

Change = Callable[[pd.DataFrame], pd.DataFrame]


def run_all(suites: Sequence[Suite], tables: Tables) -> SuiteResults:
    from mempipe.validation.great import run_suites

    return run_suites(suites, tables, run_name="test")


def failed(results: SuiteResults) -> set[str]:
    assert all(item.error is None for suite in results.suites for item in suite.outcomes)
    return {f"{suite.name}.{item.id}" for suite in results.suites for item in suite.outcomes if not item.success}


def setting(column: str, row: int, value: object) -> Change:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[row, column] = value
        return table

    return change


# The quality table -----------------------------------------------------------------------------------------------


@pytest.fixture
def quality(world: Any) -> pd.DataFrame:
    spans = [Span(start, start + 10) for start in range(0, N_TRIALS, 10)]
    tables = []
    for span in spans:
        circumstances = Circumstances(seconds=dict.fromkeys(range(*span), 1.0), device="CPU", hardware="machine-1")
        tables.append(quality_rows(world.shard(span), key="shards/x", circumstances=circumstances))
    return mark_odd(concat(tables), test_labels=world.run.labels.test, n_train=43).to_pandas()


QUALITY_DEFECTS: dict[str, tuple[Change, set[str]]] = {
    "none": (lambda table: table, set()),
    "another order of columns": (lambda table: table[["n_subset", "trial", *table.columns[2:]]], {"columns"}),
    "a trial missing": (lambda table: table.iloc[:-1], {"row_count"}),
    "a trial twice": (setting("trial", 3, 4), {"trial_unique"}),
    "a trial beyond the wanted": (setting("trial", 3, N_TRIALS), {"trial_range"}),
    "numbers as floats": (lambda table: table.astype({"trial": "float64"}), {"trial_type"}),
    "a subset of another size": (setting("n_subset", 3, 31), {"n_subset_range"}),
    "an accuracy above 1": (setting("test_accuracy", 3, 1.01), {"test_accuracy_range"}),
    "a negative accuracy": (setting("train_accuracy_in", 3, -0.01), {"train_accuracy_in_range"}),
    "an infinite accuracy": (setting("train_accuracy_out", 3, np.inf), {"train_accuracy_out_range"}),
    "an accuracy missing": (setting("test_accuracy", 3, np.nan), {"test_accuracy_known"}),
    "negative seconds": (setting("seconds", 3, -1.0), {"seconds_range"}),
    "an unknown shard": (setting("shard", 3, None), {"shard_known"}),
    "an odd trial without a reason": (setting("odd", 3, True), {"odd_share", "odd_reason_known"}),
}


@pytest.mark.parametrize("name", QUALITY_DEFECTS)
def test_each_defect_of_the_quality_table(world: Any, quality: pd.DataFrame, name: str) -> None:
    change, expected = QUALITY_DEFECTS[name]
    suite = shard_quality(world.run.record, Span(0, N_TRIALS))
    results = run_all((suite,), {"trials": change(quality)})
    assert failed(results) == {f"shard_quality.{item}" for item in expected}
    assert results.success == (not expected)


def test_odd_trials_and_missing_sidecars_are_reported_not_failed(world: Any) -> None:
    rows = quality_rows(world.shard(Span(0, 10), accuracy=0.1), key="shards/x", circumstances=UNKNOWN)
    table = mark_odd(rows, test_labels=world.run.labels.test, n_train=43).to_pandas()
    assert table["odd"].any()
    results = run_all((shard_quality(world.run.record, Span(0, 10)),), {"trials": table})
    assert failed(results) == {f"shard_quality.{item}_known" for item in ("seconds", "device", "hardware")} | {
        "shard_quality.odd_share"
    }
    assert results.success
    assert any("odd_share broken by" in warning for warning in results.warnings())
    results.raise_on_failure(docs_uri="x")


@pytest.mark.parametrize("n_train", [121, 360, 437])
@pytest.mark.parametrize("ratio", ["0.1", "0.5", "0.7"])
def test_subset_limits_hold_for_the_designs(n_train: int, ratio: str) -> None:
    for design in ("uniform", "balanced"):
        subsets = Subsets.model_validate({"design": design, "ratio": ratio})
        low, high = limits({"design": design, "ratio": ratio}, n_train)
        sizes = {int(subset_mask(subsets, n_train=n_train, seed=1, trial=trial).sum()) for trial in range(60)}
        assert low <= min(sizes)
        assert max(sizes) <= high
        assert design == "balanced" or low == high


def limits(design: dict[str, str], n_train: int) -> tuple[int, int]:
    subsets = Subsets.model_validate(design)
    return subset_limits(subsets, n_train, size=subset_size(subsets, n_train))


def test_subset_limits_are_tight() -> None:
    """479 = 3 * 120 + 119: each of 84 ways has 3 or 4 examples, and at most one of the 120 ways has only 3."""
    assert limits({"design": "balanced", "ratio": "0.7"}, 479) == (335, 336)
    assert limits({"design": "balanced", "ratio": "0.7"}, 361) == (252, 253)
    assert limits({"design": "uniform", "ratio": "0.7"}, 361) == (252, 252)


# A release's tables ----------------------------------------------------------------------------------------------


def relabel(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(label=7)


ALWAYS = {"release_examples.mem_mostly_known"}
"""One of twelve examples without a score is more than a share of 0.001: a warning."""

RELEASE_DEFECTS: dict[str, tuple[str, Change, set[str]]] = {
    "none": ("examples", lambda table: table, set()),
    "an example twice": ("examples", setting("idx", 3, 4), {"idx_unique"}),
    "an example missing": ("examples", lambda table: table.iloc[:-1], {"row_count"}),
    "an unknown label": ("examples", setting("label", 3, 9), {"label_range"}),
    "a memorization above 1": ("examples", setting("mem", 3, 1.2), {"mem_range"}),
    "a memorization missing": (
        "examples",
        lambda table: table.assign(mem=table["mem"].mask(table["idx"] == 3)),
        {"mem_known"},
    ),
    "a score that cannot be": ("examples", setting("mem", 0, 0.0), {"mem_null"}),
    "a standard error of 0": ("examples", setting("mem_se", 3, 0.0), {"mem_se_range"}),
    "a standard error missing": ("examples", setting("mem_se", 3, np.nan), {"mem_se_known"}),
    "a standard error without a score": ("examples", setting("mem_se", 0, 0.1), {"mem_se_null"}),
    "a trial not counted": ("examples", setting("n_out", 3, 8), {"n_in_n_out_sum"}),
    "more correct than seen": ("examples", setting("correct_in", 3, 22), {"correct_in_at_most_n_in"}),
    "more correct than held out": ("examples", setting("correct_out", 3, 10), {"correct_out_at_most_n_out"}),
    "a negative count": ("examples", setting("correct_out", 3, -1), {"correct_out_range"}),
    "a C-score above 1": ("examples", setting("heldout_accuracy", 3, 1.1), {"heldout_accuracy_range"}),
    "a C-score missing": ("examples", setting("heldout_accuracy", 3, np.nan), {"heldout_accuracy_known"}),
    "a C-score that cannot be": ("examples", setting("heldout_accuracy", 0, 0.5), {"heldout_accuracy_null"}),
    "float32": ("examples", lambda table: table.astype({"mem_se": "float32"}), {"mem_se_type"}),
    "a test example twice": ("test_examples", setting("idx", 3, 4), {"idx_unique"}),
    "a test example's trials": ("test_examples", setting("n_trials", 0, 31), {"n_trials_range"}),
    "a test example too often correct": ("test_examples", setting("n_correct", 3, 31), {"n_correct_at_most_n_trials"}),
    "an impossible test accuracy": ("test_examples", setting("accuracy", 3, 2.0), {"accuracy_range"}),
    "a pair twice": ("pairs", setting("tt_idx", 1, 1), {"tr_idx_tt_idx_unique"}),
    "a pair below the influence": ("pairs", setting("infl", 1, 0.149), {"infl_range"}),
    "a pair below the memorization": ("pairs", setting("mem", 1, 0.249), {"mem_range"}),
    "a pair without influence": ("pairs", setting("infl", 1, np.nan), {"infl_known"}),
    "a pair of two labels": ("pairs", setting("tt_label", 1, 2), {"label_equals_tt_label"}),
    "a pair's trials": ("pairs", setting("n_out", 1, 8), {"n_in_n_out_sum"}),
    "a pair of no such test example": ("pairs", setting("tt_idx", 1, 6), {"tt_idx_range"}),
    "a pair's standard error": ("pairs", setting("infl_se", 1, 0.0), {"infl_se_range"}),
    "a class twice": ("classes", setting("label", 1, 2), {"label_unique"}),
    "a class without a name": ("classes", setting("name", 1, None), {"name_known"}),
    "a class with too few examples": ("classes", setting("n_train", 1, 3), {"n_train_total"}),
    "a class with too many tests": ("classes", setting("n_test", 1, 3), {"n_test_total"}),
    "a class with too few pairs": ("classes", setting("n_pairs", 1, 1), {"n_pairs_total"}),
    "a class with too few undefined": ("classes", setting("n_undefined", 0, 0), {"n_undefined_total"}),
    "a class with too few memorized": (
        "classes",
        setting("n_mem_above_threshold", 1, 0),
        {"n_mem_above_threshold_total"},
    ),
    "a class without a mean": ("classes", setting("mean_mem", 1, np.nan), {"mean_mem_known"}),
}


@pytest.mark.parametrize("name", RELEASE_DEFECTS)
def test_each_defect_of_a_release(release: Tables, name: str) -> None:
    table, change, expected = RELEASE_DEFECTS[name]
    suites = release_suites(release, FACTS)
    release[table] = change(release[table].copy())
    failures = failed(run_all([suite for suite in suites if suite.table == table], release))
    assert failures - ALWAYS == {f"release_{table}.{item}" for item in expected}


def test_no_pairs_at_all(release: Tables) -> None:
    release["pairs"] = release["pairs"].iloc[:0]
    release["classes"]["n_pairs"] = 0
    results = run_all(release_suites(release, FACTS), release)
    assert failed(results) == ALWAYS
    assert results.success


def test_pairs_of_any_labels(release: Tables) -> None:
    suites = release_suites(release, ReleaseFacts(n_train=12, n_test=6, n_trials=30, same_label=False))
    assert not any(check.id == "label_equals_tt_label" for suite in suites for check in suite.checks)


@pytest.mark.parametrize("with_filename", [False, True])
def test_the_columns_are_those_of_a_release(release: Tables, with_filename: bool) -> None:
    if with_filename:
        for name in ("examples", "test_examples"):
            release[name]["filename"] = "a.png"
    for suite in release_suites(release, FACTS):
        expected = [column for column in TABLES[suite.table] if column.name != "filename" or with_filename]
        checks = {check.id: check for check in suite.checks}
        assert checks["columns"].arguments["column_list"] == [column.name for column in expected]
        for column in expected:
            if str(column.type) != "string":
                dtype = {"double": "float64"}.get(str(column.type), str(column.type))
                assert checks[f"{column.name}_type"].arguments["type_"] == dtype


# Messages and Data Docs ------------------------------------------------------------------------------------------


def test_the_error_says_what_where_and_how_many(release: Tables) -> None:
    suites = release_suites(release, FACTS)
    release["examples"].loc[3, "mem"] = 1.5
    release["pairs"].loc[1, "infl"] = 0.1
    store = open_store("memory://error-message")
    with pytest.raises(ExpectationError) as error:
        check_tables(suites, release, store=store, prefix="docs/1", title="Release x")
    assert error.value.message == (
        "Table must not be used: examples expectation release_examples mem_range is broken by 1 of 12 rows, "
        "such as 1.5, expected mem at least -1 and at most 1. 1 more failed: release_pairs infl_range."
    )
    assert "memory://error-message/docs/1/index.html" in error.value.hint
    assert store.exists("docs/1/index.html")


def test_a_missing_column_is_an_error_not_a_traceback(release: Tables) -> None:
    suites = release_suites(release, FACTS)
    release["classes"] = release["classes"].drop(columns="n_pairs")
    results = run_all(suites, release)
    item = next(item for item in results.suites[-1].outcomes if item.id == "n_pairs_total")
    assert not item.success
    assert 'The column "n_pairs" in BatchData does not exist' in str(item.error)
