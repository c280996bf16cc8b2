"""Reads what an experiment found."""

from typing import Any

from mempipe.experiments.registry import experiment, params_of
from mempipe.experiments.result import Findings
from mempipe.release.load import Release


def find(name: str, release: Release, **params: Any) -> Findings:
    """Return what an experiment that trains nothing finds."""
    kind, parameters = experiment(name), params_of(name, params)
    assert kind.trainings(release, parameters) == []
    return kind.find(release, parameters, [])


def facts(findings: Findings) -> dict[str, str]:
    """Return the facts by name; each name once."""
    by_name = {fact.name: fact.value for fact in findings.facts}
    assert len(by_name) == len(findings.facts)
    return by_name


def column(findings: Findings, table: str, name: str) -> list[Any]:
    """Return a column's values."""
    return list(findings.tables[table].columns[name].values)


def rows(findings: Findings, table: str, *names: str) -> list[tuple[Any, ...]]:
    """Return some columns of a table, row by row."""
    return list(zip(*(column(findings, table, name) for name in names), strict=True))


def notes(findings: Findings) -> str:
    """Return all notes."""
    return "\n".join(findings.notes)
