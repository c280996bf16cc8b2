"""Runs suites with Great Expectations and renders its Data Docs; the only module that imports it (8 s, so once).

No configuration is read, no telemetry sent, no progress bar drawn: the context lives in memory and is thrown away.
"""

from __future__ import annotations

import math
import operator
import os
import warnings
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mempipe.validation.checks import Check, Suite, Where
from mempipe.validation.report import Outcome, SuiteResult, SuiteResults

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its imports: deprecated modules of Python, optional parts of google-api-core
    import great_expectations as gx
    from great_expectations import expectations
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from great_expectations.expectations.row_conditions import Column

if TYPE_CHECKING:
    from pandas import DataFrame

_SITE: Final = "mempipe"
_SAMPLE: Final = 5
_OPERATORS: Final = {"==": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def run_suites(
    suites: Sequence[Suite], tables: Mapping[str, DataFrame], *, run_name: str, site: Path | None = None
) -> SuiteResults:
    """Check tables, and write Great Expectations' Data Docs as it makes them (`data_docs.finish_site` completes them).

    Args:
        suites: each names the table that it checks.
        tables: by name.
        run_name: shown in the Data Docs.
        site: an empty folder; None for no Data Docs.

    Returns:
        The results, in the order of the suites; a failed check raises nothing.
    """
    context = _context()
    source = context.data_sources.add_pandas(_SITE)
    results = []
    for suite in suites:
        batch = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("all")
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(name=suite.name, data=batch, suite=context.suites.add(_great_suite(suite)))
        )
        result = definition.run(
            batch_parameters={"dataframe": tables[suite.table]},
            result_format={"result_format": "SUMMARY", "partial_unexpected_count": _SAMPLE},
            run_id=gx.RunIdentifier(run_name=run_name),
        )
        results.append(_suite_result(suite, result.results))
    if site is not None:
        _build_docs(context, site)
    return SuiteResults(suites=tuple(results))


def _context() -> Any:
    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        ),
    )


def _build_docs(context: Any, site: Path) -> None:
    context.add_data_docs_site(
        _SITE,
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site)},
        },
    )
    context.build_data_docs(site_names=[_SITE])


def _great_suite(suite: Suite) -> Any:
    return gx.ExpectationSuite(
        name=suite.name, notes=suite.note, expectations=[_expectation(check) for check in suite.checks]
    )


def _expectation(check: Check) -> Any:
    where = {"row_condition": _condition(check.where)} if check.where is not None else {}
    return getattr(expectations, check.kind)(
        **check.arguments, **where, severity=check.severity, notes=check.note, meta={"id": check.id}
    )


def _condition(where: Where) -> Any:
    parts = [_OPERATORS[comparison](Column(column), value) for column, comparison, value in where.comparisons]
    return reduce(operator.and_ if where.join == "and" else operator.or_, parts)


def _suite_result(suite: Suite, results: Sequence[Any]) -> SuiteResult:
    by_id = {item.expectation_config.meta["id"]: item for item in results}
    outcomes = tuple(_outcome(check, by_id[check.id]) for check in suite.checks)
    success = all(item.success for item in outcomes if item.severity == "critical")
    return SuiteResult(name=suite.name, table=suite.table, note=suite.note, success=success, outcomes=outcomes)


def _outcome(check: Check, item: Any) -> Outcome:
    result = item.result or {}
    n_unexpected = result.get("unexpected_count")
    return Outcome(
        id=check.id,
        kind=check.kind,
        note=check.note,
        severity=check.severity,
        success=bool(item.success),
        observed=_plain(result.get("observed_value")),
        n_rows=None if n_unexpected is None else int(result["element_count"]),
        n_unexpected=None if n_unexpected is None else int(n_unexpected),
        sample=tuple(_plain(value) for value in result.get("partial_unexpected_list") or ()),
        error=_exception(item.exception_info or {}),
    )


def _exception(info: Mapping[str, Any]) -> str | None:
    """Return the first line of why a check could not be evaluated; it is nested where a metric failed."""
    for part in (info, *(value for value in info.values() if isinstance(value, dict))):
        if part.get("raised_exception"):
            return str(part.get("exception_message")).splitlines()[0]
    return None


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: numpy scalars as Python's, a number that is not finite as its name."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
