"""Checks tables: suites, Data Docs in the store, and an error that says where to look."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from mempipe.storage.protocol import Store
from mempipe.validation.checks import Suite
from mempipe.validation.data_docs import INDEX, Section, finish_site, upload_site
from mempipe.validation.results import SuiteResults

if TYPE_CHECKING:
    from pandas import DataFrame

_NOT_IN_A_PATH: Final = re.compile(r"[^A-Za-z0-9._=-]+")


def check_tables(
    suites: Sequence[Suite],
    tables: Mapping[str, DataFrame],
    *,
    store: Store,
    prefix: str,
    title: str,
    sections: Sequence[Section] = (),
) -> SuiteResults:
    """Check tables and put the Data Docs below `prefix`, whatever the result.

    Args:
        suites: each names the table that it checks.
        tables: by name.
        store: where the Data Docs go.
        prefix: named after what is checked, so that equal tables and suites have an equal prefix.
        title: what is checked.
        sections: further tables of the Data Docs' first page.

    Returns:
        The results; every critical check holds.

    Raises:
        ExpectationError: a critical check does not.
    """
    with TemporaryDirectory(prefix="mempipe-docs-") as folder:
        results = build_site(suites, tables, folder=Path(folder), title=title, sections=sections)
        upload_site(store, prefix, Path(folder))
    results.raise_on_failure(docs_uri=f"{store.uri}/{prefix}/{INDEX}")
    return results


def build_site(
    suites: Sequence[Suite],
    tables: Mapping[str, DataFrame],
    *,
    folder: Path,
    title: str,
    sections: Sequence[Section] = (),
) -> SuiteResults:
    """Check tables and write the Data Docs to a local folder; a failed check raises nothing."""
    from mempipe.validation.great import run_suites  # loads Great Expectations

    made = folder / ".made"
    made.mkdir(parents=True)
    results = run_suites(suites, tables, run_name=_NOT_IN_A_PATH.sub("-", title), site=made)
    finish_site(made, folder, results, title=title, sections=sections)
    return results
