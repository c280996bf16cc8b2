"""Tables of later versions are read by this one, and tables of the first version by all: a column may be added."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mempipe.errors import ReleaseError
from mempipe.release.content import table_digest
from mempipe.tables import schema
from mempipe.tables.page import with_schema
from mempipe.tables.parquet import build_table, has_values, in_digest, read_file, read_table, table_schema, write_table
from mempipe.tables.schema import MINOR_VERSION, TABLES, Column
from mempipe.validation.checks import table_checks

CLASSES = {
    "label": [0, 1],
    "name": ["zero", "one"],
    "n_train": [3, 4],
    "n_test": [1, 2],
    "mean_mem": [0.5, float("nan")],
    "n_mem_above_threshold": [1, 0],
    "n_pairs": [0, 0],
    "n_undefined": [0, 4],
}
MEDIAN = Column("median_mem", pa.float64(), "probability difference", "median", nullable=True, low=-1, high=1, since=2)
SECONDS = Column("seconds", pa.float64(), "seconds", "time", nullable=True, in_digest=False, since=2)
LATER = {"median_mem": [0.25, float("nan")], "seconds": [1.0, 2.0]}


@pytest.fixture
def first(tmp_path: Path) -> Path:
    path = tmp_path / "first.parquet"
    write_table(build_table("classes", CLASSES), path)
    return path


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next minor version adds two columns, one of them outside the digest."""
    monkeypatch.setitem(TABLES, "classes", (*TABLES["classes"], MEDIAN, SECONDS))


@pytest.fixture
def later(first: Path, next_version: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of the next version, which this version reads."""
    path = first.with_name("later.parquet")
    write_table(build_table("classes", CLASSES | LATER), path)
    monkeypatch.undo()
    return path


def read(path: Path) -> pa.Table:
    return read_table(path, "classes", source="classes.parquet")


def test_a_later_column_is_ignored_and_the_order_does_not_matter(first: Path, later: Path, tmp_path: Path) -> None:
    assert read_file(later, source="x").num_columns == read(first).num_columns + 2
    assert read(later).equals(read(first))
    table = pq.read_table(later)
    pq.write_table(table.select(table.column_names[::-1]), tmp_path / "turned.parquet")
    assert read(tmp_path / "turned.parquet").equals(read(first))


def test_a_column_that_came_later_is_null_in_earlier_tables(first: Path, next_version: None) -> None:
    table = read(first)
    assert table.column_names == [column.name for column in TABLES["classes"]]
    assert table["median_mem"].to_pylist() == [None, None]
    assert not has_values(table, "median_mem")
    assert has_values(table, "mean_mem")
    with pytest.raises(KeyError, match="median_mem"):  # a writer of this version must compute it
        build_table("classes", CLASSES)


def test_the_digest_of_a_later_table_is_that_of_the_version_that_wrote_it(
    first: Path, later: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column in the digest is digested though unknown; one outside says so itself."""
    table = read_file(later, source="x")
    assert [field.name for field in table.schema if not in_digest("classes", field)] == ["seconds"]
    ours = table_digest("classes", table)
    assert ours != table_digest("classes", read_file(first, source="x"))
    assert ours == table_digest("classes", table.drop_columns("seconds"))
    monkeypatch.setitem(TABLES, "classes", (*TABLES["classes"], MEDIAN, SECONDS))
    assert table_digest("classes", table) == ours
    monkeypatch.setitem(TABLES, "classes", (*TABLES["classes"][:-2], replace(MEDIAN, in_digest=False), SECONDS))
    derived = build_table("classes", CLASSES | LATER)
    assert table_digest("classes", derived) == table_digest("classes", read_file(first, source="x"))


@pytest.mark.usefixtures("next_version")
def test_checks_and_page_follow_from_the_schema() -> None:
    present = [column.name for column in TABLES["classes"]]
    checks = {check.id: check for check in table_checks("classes", present, instead={})}
    assert checks["columns"].arguments["column_list"] == present
    assert checks["median_mem_type"].arguments["type_"] == "float64"
    assert checks["median_mem_range"].note == "median_mem at least -1 and at most 1"
    assert "median_mem_known" not in checks
    assert "name_known" in checks
    page = with_schema("Schema version 1.0. a\n\n| file | column |\n|---|---|\n| old | row |\n\nb\n")
    assert page.startswith(f"Schema version 1.{MINOR_VERSION}. a\n")
    assert "| `median_mem` | float64 | probability difference | median | null |  |  | 1.2 |\n" in page
    assert (page[-3:], "| old |" in page) == ("\nb\n", False)
    with pytest.raises(ValueError, match="0 schema versions and 0 tables"):
        with_schema("no table")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop_columns("n_pairs"), r"columns are .*, expected .*'n_pairs'.* of table classes"),
        (
            lambda table: table.set_column(2, "n_train", pa.array([3.0, 4.0])),
            "n_train is double, expected int64 not null of table classes",
        ),
        (lambda table: table.append_column("label", pa.array([0, 1])), "cannot be read as Parquet"),
    ],
)
def test_what_the_first_version_had_must_be_there(first: Path, change: object, message: str) -> None:
    assert callable(change)
    pq.write_table(change(pq.read_table(first)), first)
    with pytest.raises(ReleaseError, match=message):
        read(first)


def test_the_schema_grows_by_its_own_rules() -> None:
    for name, columns in TABLES.items():
        assert all(column.since <= MINOR_VERSION for column in columns)
        since = [column.since for column in columns]
        assert since == sorted(since), "a later column comes last"
        assert len({column.name for column in columns}) == len(columns)
        assert table_schema(name).names == [column.name for column in columns]
    assert {column.type for columns in TABLES.values() for column in columns} <= schema.TYPES
