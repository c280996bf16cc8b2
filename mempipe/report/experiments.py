"""Reads the results of a release's experiments and prepares them for the page and for download."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mempipe import places
from mempipe.catalog.results import open_results, open_store_of, read_results, result_key
from mempipe.errors import InputError
from mempipe.experiments.result import Examples, Pairs, Result, Table
from mempipe.release.scores import Scores
from mempipe.storage import Store, open_store

_DOWNLOADS: Final = "downloads"


@dataclass(frozen=True)
class ReportedExperiment:
    """An experiment on the page.

    Attributes:
        newest: the result that is shown.
        older: results with other parameters or of an earlier time, newest first.
    """

    newest: Result
    older: tuple[Result, ...]


def find_experiments(scores: Scores, uri: str | None) -> list[ReportedExperiment]:
    """Return the experiments of a release or of the authors' files, in the paper's order, then by name.

    Args:
        scores: the release, or the authors' files.
        uri: folder or URI with files of results; None: the release's store. A release outside a store has none.

    Raises:
        InputError: a result is damaged or of another release, or `uri` has no results.
    """
    place = _own_place(scores) if uri is None else open_store(uri)
    if place is None:
        return []
    by_experiment: dict[str, dict[str, Result]] = {}
    for key, result in read_results(place):
        _check_release(result, scores, source=f"{place.uri}/{key}")
        same = by_experiment.setdefault(result.experiment, {})
        same[result.digest] = max(same.get(result.digest, result), result, key=lambda one: one.created)
    if uri is not None and not by_experiment:
        raise InputError(
            f"Experiments cannot be shown: --experiments {place.uri} holds no result, expected files such as "
            "marginal-utility-0123456789ab.json.",
            hint=f"give the folder {places.results_place('NAME', 'ID')} of the store that holds them.",
        )
    experiments = [_sort(results.values()) for results in by_experiment.values()]
    return sorted(experiments, key=lambda experiment: (experiment.newest.paper, experiment.newest.experiment))


def _own_place(scores: Scores) -> Store | None:
    try:
        root = open_store_of(scores)
    except InputError:  # a folder outside any store
        return None
    return open_results(root, scores)


def _sort(results: Iterable[Result]) -> ReportedExperiment:
    newest, *older = sorted(results, key=lambda result: (result.created, result.digest), reverse=True)
    return ReportedExperiment(newest, tuple(older))


def _check_release(result: Result, scores: Scores, *, source: str) -> None:
    if result.release != scores.id:
        raise InputError(
            f"Result is of another release: {source} release is {result.release}, expected {scores.id}.",
            hint="give a folder with results of this release only, or make the report of that release.",
        )
    for figure in result.findings.figures:
        if not isinstance(figure, Examples | Pairs):
            continue
        table = result.findings.tables[figure.table]
        for column, n in (("tr_idx", scores.n_train), ("tt_idx", scores.n_test)):
            values = table.columns[column].values if column in table.columns else ()
            beyond = next((value for value in values if isinstance(value, int) and value >= n), None)
            if beyond is not None:
                raise InputError(
                    f"Result does not fit its release: {source} table {figure.table} {column} is {beyond}, expected "
                    f"less than {n}.",
                    hint="move the file away and run the experiment again.",
                )


def write_result_files(experiments: list[ReportedExperiment], folder: Path) -> Iterator[Path]:
    """Write each shown table as CSV and every result as JSON; yield the files."""
    for experiment in experiments:
        for name, table in experiment.newest.findings.tables.items():
            path = folder / _csv_name(experiment.newest, name)
            _write_csv(table, path)
            yield path
        for result in (experiment.newest, *experiment.older):
            path = folder / result_key(result)
            path.write_bytes(result.to_json())
            yield path


def summary_of(experiment: ReportedExperiment) -> dict[str, Any]:
    """Return an experiment's entry in the overview."""
    result = experiment.newest
    fact = next(iter(result.findings.facts), None)
    return {
        "name": result.experiment,
        "title": result.title,
        "paper": result.paper,
        "fact": None if fact is None else [fact.name, fact.value],
    }


def script_of(experiments: list[ReportedExperiment]) -> list[dict[str, Any]]:
    """Return the experiments for the page, with the addresses of their downloads."""
    return [
        {
            "result": _exact_seeds(json.loads(experiment.newest.to_json())),
            "json": f"{_DOWNLOADS}/{result_key(experiment.newest)}",
            "csv": {
                name: f"{_DOWNLOADS}/{_csv_name(experiment.newest, name)}" for name in experiment.newest.findings.tables
            },
            "older": [
                {
                    "created": json.loads(result.to_json())["created"],
                    "params": result.params,
                    "json": f"{_DOWNLOADS}/{result_key(result)}",
                }
                for result in experiment.older
            ],
        }
        for experiment in experiments
    ]


def _csv_name(result: Result, table: str) -> str:
    return f"{result.experiment}-{table}.csv"


def _write_csv(table: Table, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows(zip(*(column.values for column in table.columns.values()), strict=True))


def _exact_seeds(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result with its seeds as strings, because browsers round integers beyond 2^53."""
    for entry in (*result["runs"], *result["subsets"].values()):
        entry["seed"] = None if entry["seed"] is None else str(entry["seed"])
    return result
