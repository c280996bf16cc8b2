"""The schema of results: what does not fit together is refused, and the digest binds what was found."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from mempipe.errors import InputError
from mempipe.experiments.result import (
    Bars,
    Column,
    Examples,
    Fact,
    Figure,
    Findings,
    Lines,
    Pairs,
    Result,
    Series,
    Table,
    TrainedRun,
    columns_of,
)

LINES = Lines(
    title="l", table="t", x="a", x_label="x", y_label="y", series=(Series(name="s", y="b", error="c"),)
)  # fmt: skip
BARS = Bars(title="b", table="t", left="a", right="b", count="c", x_label="x", y_label="y")


def table(*names: str, n: int = 2) -> Table:
    """Positions everywhere, texts in `group`."""
    values: dict[str, tuple[int | str, ...]] = {"group": tuple(f"group {k}" for k in range(n))}
    columns = {name: Column(meaning=name, values=values.get(name, tuple(range(n)))) for name in names}
    return Table(title="t", columns=columns)


def result(**changes: Any) -> Result:
    fields: dict[str, Any] = {
        "experiment": "made-up",
        "title": "t",
        "paper": "Figure 0",
        "release": "net-0-t1-0",
        "release_name": "net",
        "subsets": {},
        "params": {"mem": 0.25, "near": [0.0, 1.0]},
        "runs": (TrainedRun(role="r", run_key="ab", uri="memory://here/runs/1", trials=3, seed=7),),
        "findings": Findings(
            facts=(Fact(name="a", value="1"),), figures=(LINES,), tables={"t": table("a", "b", "c")}, notes=("n",)
        ),
        "created": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "software": {"mempipe": "1"},
    }
    return Result(**{**fields, **changes})


def test_columns_have_equal_lengths() -> None:
    with pytest.raises(ValidationError, match=r"columns have \[1, 2\] rows, expected all the same"):
        Table(title="t", columns={"a": Column(meaning="", values=(1,)), "b": Column(meaning="", values=(1, 2))})
    assert Table(title="empty", columns={}).columns == {}


@pytest.mark.parametrize(
    ("figure", "columns"),
    [
        (LINES, ["a", "b", "c"]),
        (BARS, ["a", "b", "c"]),
        (Examples(title="e", table="t"), ["group", "tr_idx", "mem", "mem_se"]),
        (Pairs(title="p", table="t"), ["group", "tr_idx", "mem", "tt_idx", "infl", "infl_se"]),
    ],
)
def test_figures_show_what_is_there(figure: Figure, columns: list[str]) -> None:
    assert columns_of(figure) == columns
    assert Findings(facts=(), figures=(figure,), tables={"t": table(*columns)}).figures == (figure,)
    for absent in columns:
        others = [name for name in columns if name != absent]
        with pytest.raises(ValidationError, match=rf"shows columns \['{absent}'\], which are missing"):
            Findings(facts=(), figures=(figure,), tables={"t": table(*others)})
    with pytest.raises(ValidationError, match="shows table 't', which is missing"):
        Findings(facts=(), figures=(figure,), tables={"u": table(*columns)})


def test_a_line_without_error_needs_no_such_column() -> None:
    assert columns_of(LINES.model_copy(update={"series": (Series(name="s", y="b"),)})) == ["a", "b"]


def test_numbers_are_finite() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValidationError, match="finite number"):
            Column(meaning="", values=(value,))
    assert Column.of("m", np.array([1.5, np.nan])).values == (1.5, None)
    assert Column.of("m", np.array([1, 2])).values == (1, 2)
    assert Column.of("m", np.array(["a"])).values == ("a",)
    assert Column.of("m", np.empty(0)).values == ()


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValidationError, match="does not match any of the expected tags"):
        Findings.model_validate({"facts": [], "figures": [{"kind": "pie"}], "tables": {}})


def test_a_result_survives_its_bytes() -> None:
    stored = result()
    read = Result.from_json(stored.to_json(), source="x")
    assert read == stored
    assert read.digest == stored.digest
    assert stored.to_json().endswith(b"}\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"created": datetime(2027, 1, 1, tzinfo=UTC)},
        {"software": {"mempipe": "2"}},
        {"runs": (TrainedRun(role="r", run_key="ab", uri="gs://elsewhere/runs/1", trials=3, seed=7),)},
    ],
)
def test_when_and_where_are_outside_the_digest(changes: dict[str, Any]) -> None:
    assert result(**changes).digest == result().digest


@pytest.mark.parametrize(
    "changes",
    [
        {"experiment": "other"},
        {"release": "net-0-t2-0"},
        {"other_releases": ("net-1-t1-0",)},
        {"params": {"mem": 0.3}},
        {"runs": ()},
        {"runs": (TrainedRun(role="r", run_key="cd", uri="memory://here/runs/1", trials=3, seed=7),)},
        {"findings": Findings(facts=(), figures=(), tables={})},
    ],
)
def test_what_was_found_is_in_the_digest(changes: dict[str, Any]) -> None:
    assert result(**changes).digest != result().digest


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "content: Invalid JSON"),
        (b"\xff\xfe", "content: Invalid JSON"),
        (result().to_json()[:-20], "content: Invalid JSON"),
        (b"{}", "experiment: Field required"),
        (b"[]", "content: Input should be an object"),
        (json.dumps({**json.loads(result().to_json()), "schema_version": 0}).encode(), "schema_version: Input should"),
    ],
)
def test_damage_is_named(content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=rf"Result cannot be read: store/x.json is damaged \({says}") as caught:
        Result.from_json(content, source="store/x.json")
    assert "run the experiment again" in caught.value.hint


def test_damaged_findings_are_named_with_their_place() -> None:
    document = json.loads(result().to_json())
    document["findings"]["tables"]["t"]["columns"]["a"]["values"] = [1]
    with pytest.raises(InputError, match=r"damaged \(findings\.tables\.t: Value error, columns have \[1, 2\] rows"):
        Result.from_json(json.dumps(document).encode(), source="x.json")
