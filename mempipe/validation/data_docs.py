"""Checks tables and writes Data Docs that open without a network, whatever the result.

As Great Expectations makes them, the pages load style sheets, scripts and images from eight hosts and look broken
without. Here they get one small style sheet and script of our own, inline, a policy that forbids the browser any
request, and a first page.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from mempipe.errors import ObjectExistsError
from mempipe.storage.protocol import Store
from mempipe.validation.checks import Suite
from mempipe.validation.report import Outcome, SuiteResult, SuiteResults

if TYPE_CHECKING:
    from pandas import DataFrame

INDEX: Final = "index.html"

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
_LOADED = re.compile(
    r"<script\b.*?</script\s*>|<style\b.*?</style\s*>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer\s*>"
    r"|<title\b.*?</title\s*>",
    re.DOTALL | re.IGNORECASE,
)
_HOME = re.compile(r'href="(?:\.\./)*index\.html"')
_EXPECTATIONS = re.compile(r'href="(?:\.\./)*expectations/([^"/]+)\.html"')


@dataclass(frozen=True)
class Section:
    """A table of the first page.

    Attributes:
        title: its heading.
        columns: heads of its columns.
        rows: one text a column.
        empty: what to say when there are no rows.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    empty: str


def finish_site(
    source: Path, site: Path, results: SuiteResults, *, title: str, sections: Sequence[Section] = ()
) -> None:
    """Write the complete site: `index.html`, and for each suite `<suite>.html` and `<suite>-expectations.html`.

    Args:
        source: the folder that `great.run_suites` wrote.
        site: an empty folder.
        results: of the suites.
        title: what was checked.
        sections: further tables of the first page.
    """
    for suite in results.suites:
        for page, name in (
            (next((source / "validations" / suite.name).rglob("*.html")), f"{suite.name}.html"),
            (source / "expectations" / f"{suite.name}.html", f"{suite.name}-expectations.html"),
        ):
            text = offline(page.read_text(encoding="utf-8"), title=f"{suite.name} · {title}", remark=_remark(suite))
            (site / name).write_text(text, encoding="utf-8")
    (site / INDEX).write_text(_index(results, title, sections), encoding="utf-8")
    shutil.rmtree(source)


def offline(page: str, *, title: str, remark: str = "") -> str:
    """Return a page of Great Expectations that requests nothing from the network and links within one folder.

    Args:
        page: its HTML.
        title: for the browser.
        remark: a line above its content, for what Great Expectations does not say.
    """
    page = _LOADED.sub("", page)
    page = _HOME.sub(f'href="{INDEX}"', page)
    page = _EXPECTATIONS.sub(r'href="\1-expectations.html"', page)
    page = page.replace("<head>", f"<head>{_head(title)}", 1)
    if remark:
        page = page.replace("<body>", f'<body><p class="remark">{escape(remark)}</p>', 1)
    return page.replace("</body>", f"<script>{_asset('data_docs.js')}</script></body>", 1)


def upload_site(store: Store, prefix: str, folder: Path) -> str:
    """Put the site's files below `prefix`, create-only, its first page last; what is there already stays.

    Two sites of the same tables and suites differ only by their time, so the first one is kept.

    Returns:
        The key of the first page.
    """
    pages = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in sorted(pages, key=lambda page: page.name == INDEX):
        try:
            store.create(f"{prefix}/{path.relative_to(folder).as_posix()}", path)
        except ObjectExistsError:
            continue
    return f"{prefix}/{INDEX}"


def _index(results: SuiteResults, title: str, sections: Sequence[Section]) -> str:
    body = "".join([*(_suite(suite) for suite in results.suites), *(_section(section) for section in sections)])
    verdict = "valid" if results.success else "not valid"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{_head(title)}</head><body class="index"><main>'
        f"<h1>{escape(title)}</h1>"
        f'<p class="verdict {"good" if results.success else "bad"}">The tables are {verdict}.</p>'
        f"{body}</main></body></html>\n"
    )


def _suite(suite: SuiteResult) -> str:
    n_held = sum(item.success for item in suite.outcomes)
    rows = "".join(_outcome(item) for item in sorted(suite.outcomes, key=lambda item: item.success))
    return (
        f'<section><h2><a href="{suite.name}.html">{escape(suite.name)}</a></h2><p>{escape(suite.note)} '
        f"{n_held} of {len(suite.outcomes)} expectations hold. "
        f'<a href="{suite.name}.html">Great Expectations\' result</a> · '
        f'<a href="{suite.name}-expectations.html">its suite</a></p>'
        f'<table class="table"><thead><tr><th>Result</th><th>Expected</th><th>Found</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></section>"
    )


def _remark(suite: SuiteResult) -> str:
    """Tell failures that only warn from those that count; Great Expectations calls both failed."""
    minor = suite.failed("warning", "info")
    if not suite.success or not minor:
        return ""
    names = ", ".join(f"{item.id} ({item.severity})" for item in minor)
    return f"The table is valid: every critical expectation holds. Only reported: {names}."


def _outcome(item: Outcome) -> str:
    mark, style = ("✓ holds", "good") if item.success else (f"✗ {item.severity}", item.severity)
    return f'<tr><td class="{style}">{mark}</td><td>{escape(item.note)}</td><td>{escape(item.observation())}</td></tr>'


def _section(section: Section) -> str:
    if not section.rows:
        return f"<section><h2>{escape(section.title)}</h2><p>{escape(section.empty)}</p></section>"
    head = "".join(f"<th>{escape(column)}</th>" for column in section.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in section.rows)
    return (
        f"<section><h2>{escape(section.title)}</h2>"
        f'<table class="table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></section>'
    )


def _head(title: str) -> str:
    return (
        f'<meta charset="UTF-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1.0">'
        f"<title>{escape(title)}</title><style>{_asset('data_docs.css')}</style>"
    )


def _asset(name: str) -> str:
    return (files("mempipe.validation") / "assets" / name).read_text(encoding="utf-8")


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

    pages = folder / ".made"
    pages.mkdir(parents=True)
    results = run_suites(suites, tables, run_name=_NOT_IN_A_PATH.sub("-", title), site=pages)
    finish_site(pages, folder, results, title=title, sections=sections)
    return results
