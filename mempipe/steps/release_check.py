"""Checks a release's tables with Great Expectations before its manifest is written."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mempipe.release.manifest import Thresholds
from mempipe.scores.tally import ExampleTally
from mempipe.storage import Store
from mempipe.validation.checks import Suite
from mempipe.validation.data_docs import INDEX
from mempipe.validation.release_expectations import ReleaseFacts, release_suites
from mempipe.validation.results import SuiteResults
from mempipe.validation.suites import check_tables

if TYPE_CHECKING:
    from pandas import DataFrame

ReleaseCheck = Callable[[Mapping[str, pa.Table]], dict[str, Any]]


def check_with_docs(
    examples: ExampleTally, thresholds: Thresholds, *, store: Store, prefix: str, title: str
) -> ReleaseCheck:
    """Return a check that leaves its Data Docs in `store` below `prefix`; it raises `ExpectationError`."""

    def check(tables: Mapping[str, pa.Table]) -> dict[str, Any]:
        suites, frames = _suites(tables, examples, thresholds)
        results = check_tables(suites, frames, store=store, prefix=prefix, title=title)
        return _described(results, f"{prefix}/{INDEX}")

    return check


def check_without_docs(examples: ExampleTally, thresholds: Thresholds, *, name: str) -> ReleaseCheck:
    """Return a check that keeps its results only; it raises `ExpectationError`."""

    def check(tables: Mapping[str, pa.Table]) -> dict[str, Any]:
        suites, frames = _suites(tables, examples, thresholds)
        # Here, because Great Expectations takes seconds to load.
        from mempipe.validation.great import run_suites

        results = run_suites(suites, frames, run_name=name)
        results.raise_on_failure(docs_uri="(none are kept outside a run)")
        return _described(results, None)

    return check


def _suites(
    tables: Mapping[str, pa.Table], examples: ExampleTally, thresholds: Thresholds
) -> "tuple[Sequence[Suite], dict[str, DataFrame]]":
    facts = ReleaseFacts(
        n_train=examples.n_train,
        n_test=examples.n_test,
        n_trials=examples.n_trials,
        mem_threshold=thresholds.mem,
        infl_threshold=thresholds.infl,
        same_label=thresholds.same_label,
    )
    frames = {name: table.to_pandas() for name, table in tables.items() if name != "trials"}
    return release_suites(frames, facts), frames


def _described(results: SuiteResults, docs_key: str | None) -> dict[str, Any]:
    checks = [outcome for suite in results.suites for outcome in suite.outcomes]
    return {
        "success": results.success,
        "n_checks": len(checks),
        "suites": {suite.name: suite.success for suite in results.suites},
        "warnings": list(results.warnings()),
        "data_docs": docs_key,
    }
