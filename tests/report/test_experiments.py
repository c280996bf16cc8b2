"""Results of experiments in a report: which are shown, what is written, what is refused."""

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from mempipe import load_release
from mempipe.catalog.results import result_key
from mempipe.experiments.result import Cell, Findings, Result
from tests.command import mempipe
from tests.report.conftest import Experimented, Planted
from tests.report.results import hand_made
from tests.report.test_build import files, script


def parsed(text: str, like: Cell) -> Cell:
    """A cell of a CSV file, read as a person's script would: numbers by their own text."""
    if text == "":
        return None
    return type(like)(text) if like is not None else text


def for_a_browser(result: Result) -> dict[str, Any]:
    """The result's JSON with seeds as texts, which numbers of a browser do not hold."""
    content = json.loads(result.to_json())
    for run, used_run in zip(content["runs"], result.runs, strict=True):
        run["seed"] = f"{used_run.seed}"
    for release, design in result.subsets.items():
        content["subsets"][release]["seed"] = f"{design.seed}"
    return dict(content)


def test_the_newest_result_of_each_experiment_is_shown(experimented: Experimented) -> None:
    content_of = script(experimented.report, "experiments")
    assert [entry["result"] for entry in content_of] == [for_a_browser(result) for result in experimented.newest]
    assert [[entry["json"] for entry in one["older"]] for one in content_of] == [
        [],
        [f"downloads/{result_key(experimented.older)}"],
    ]
    assert [entry["fact"][0] for entry in script(experimented.report, "meta")["experiments"]] == [
        "Marginal utility of mem ≥ 0.5",
        "Agreement at 0.5",
    ]


def test_downloads_are_the_tables_and_the_results(experimented: Experimented) -> None:
    for entry, result in zip(script(experimented.report, "experiments"), experimented.newest, strict=True):
        for name, table in result.findings.tables.items():
            assert entry["csv"][name] == f"downloads/{result.experiment}-{name}.csv"
            with (experimented.report / entry["csv"][name]).open(newline="") as file:
                head, *rows = csv.reader(file)
            assert head == list(table.columns)
            for column, texts in zip(table.columns.values(), zip(*rows, strict=True), strict=True):
                assert tuple(map(parsed, texts, column.values)) == column.values
    listed = {file["href"]: file["bytes"] for file in script(experimented.report, "meta")["downloads"]}
    for result in (*experimented.newest, experimented.older):
        path = experimented.report / "downloads" / result_key(result)
        assert Result.from_json(path.read_bytes(), source="") == result
        assert listed[f"downloads/{path.name}"] == path.stat().st_size


def test_results_beside_a_copied_release(experimented: Experimented, planted: Planted, tmp_path: Path) -> None:
    """They are named by --experiments; a report of the same input has the same bytes, and one of none has no view."""
    copy = shutil.copytree(experimented.release, tmp_path / "copy")
    mempipe("report", copy, "--experiments", experimented.results, "--out", tmp_path / "site")
    copies, originals = files(tmp_path / "site"), files(experimented.report)
    assert {name for name in copies if copies[name] != originals[name]} <= {
        "data/meta.js"
    }  # says where the release lies
    assert copies.keys() == originals.keys()
    mempipe("report", experimented.release, "--out", tmp_path / "again")
    assert files(tmp_path / "again") == originals
    assert script(planted.report, "meta")["experiments"] == []
    assert not (planted.report / "data" / "experiments.js").exists()


def changed(content: bytes, *path: str | int, to: Any) -> bytes:
    """A result's bytes with one value changed."""
    document = json.loads(content)
    *above, last = path
    place = document
    for key in above:
        place = place[key]
    place[last] = to
    return json.dumps(document).encode()


@pytest.mark.parametrize("fault", ["truncated", "other release", "index", "text", "name", "none", "file"])
def test_what_cannot_be_shown_is_refused(experimented: Experimented, tmp_path: Path, fault: str) -> None:
    content = hand_made(load_release(experimented.release)).to_json()
    columns = ("findings", "tables", "examples", "columns")
    damaged, message = {
        "truncated": (content[:-100], "one.json is damaged (content: "),
        "other release": (
            changed(content, "release", to="digits-1-t2-3"),
            "release is digits-1-t2-3, expected planted",
        ),
        "index": (
            changed(content, *columns, "tr_idx", "values", 3, to=1437),
            "tr_idx is 1437, expected less than 1437",
        ),
        "text": (changed(content, *columns, "mem", "values", 3, to="0.5"), "cannot show '0.5' in column 'mem'"),
        "name": (
            changed(content, "experiment", to="../../escaped"),
            "one.json is damaged (experiment: String should match pattern",
        ),
        "none": (b"", "holds no result"),
        "file": (content, "is a file, expected a folder"),
    }[fault]
    folder = tmp_path / "results"
    folder.mkdir()
    if damaged:
        (folder / "one.json").write_bytes(damaged)
    target = folder / "one.json" if fault == "file" else folder
    out = tmp_path / "site"
    refused = mempipe("report", experimented.release, "--experiments", target, "--out", out, code=20)
    assert message in refused.stderr
    assert "Hint: " in refused.stderr
    assert not out.exists()


def test_the_authors_files_have_experiments_of_their_own(experimented: Experimented, tmp_path: Path) -> None:
    for path in experimented.release.glob("*.npz"):
        shutil.copy(path, tmp_path)
    refused = mempipe("report", tmp_path, "--experiments", experimented.results, "--out", tmp_path / "site", code=20)
    assert re.search(r"release is planted-\S+, expected planted-authors-[0-9a-f]{12}\.", refused.stderr)


def test_the_same_findings_are_one_result(experimented: Experimented, tmp_path: Path) -> None:
    """Also where somebody gathered files by other names; the later one stands."""
    release = load_release(experimented.release)
    for name, days in (("a", 2), ("b", 5), ("c", 3)):
        (tmp_path / f"{name}.json").write_bytes(hand_made(release, days=days).to_json())
    mempipe("report", experimented.release, "--no-images", "--experiments", tmp_path, "--out", tmp_path / "site")
    (content_of,) = script(tmp_path / "site", "experiments")
    assert content_of["result"]["created"] == "2026-01-07T03:04:05Z"
    assert content_of["older"] == []


@pytest.mark.parametrize(
    ("figure", "column", "value", "allowed"),
    [
        (0, "threshold", None, False),
        (0, "threshold", "0.1", False),
        (0, "y1", None, True),
        (0, "sd1", None, True),
        (0, "y1", "0.1", False),
        (1, "left", None, False),
        (1, "n", -1, False),
        (1, "n", None, False),
        (2, "tr_idx", None, False),
        (2, "tr_idx", 1.5, False),
        (2, "tr_idx", -1, False),
        (2, "mem_se", None, True),
        (2, "group", None, False),
        (3, "tt_idx", "1", False),
        (3, "infl", None, True),
    ],
)
def test_figures_are_drawn_from_what_can_be_drawn(
    experimented: Experimented, figure: int, column: str, value: Cell, allowed: bool
) -> None:
    findings = hand_made(load_release(experimented.release)).findings
    document = findings.model_dump(mode="json")
    document["tables"][findings.figures[figure].table]["columns"][column]["values"][0] = value
    text = json.dumps(document)
    if allowed:
        Findings.model_validate_json(text)
    else:
        with pytest.raises(ValueError, match=f"cannot show .* in column '{column}'"):
            Findings.model_validate_json(text)
