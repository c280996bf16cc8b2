"""Expectation suites as plain data: built, compared and hashed without importing Great Expectations.

What the schema of a table says is made into checks: its columns in their order, their types, their limits, no nulls.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mempipe.tables.schema import Column, columns_of

Severity = Literal["critical", "warning", "info"]
Comparison = tuple[str, Literal["==", "<", "<=", ">", ">="], int | float | bool]


@dataclass(frozen=True)
class Where:
    """The rows that a check looks at: those for which all, or any, of the comparisons hold.

    Attributes:
        comparisons: (column, operator, value).
        join: `and` or `or`.
    """

    comparisons: tuple[Comparison, ...]
    join: Literal["and", "or"] = "and"


@dataclass(frozen=True)
class Check:
    """One expectation.

    Attributes:
        id: names it within its suite, in messages and reports.
        kind: class of Great Expectations, such as `ExpectColumnValuesToBeUnique`.
        note: what must hold, in plain words; continues "expected".
        arguments: of the class; `mostly` is the share of rows that suffices.
        severity: only a failed `critical` check stops; the others are reported.
        where: rows that it looks at; None for all.
    """

    id: str
    kind: str
    note: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "critical"
    where: Where | None = None


@dataclass(frozen=True)
class Suite:
    """The expectations of one table.

    Attributes:
        name: of the suite.
        table: name of the table that it checks.
        note: what the table is.
        checks: each with an `id` of its own.
    """

    name: str
    table: str
    note: str
    checks: tuple[Check, ...]

    def __post_init__(self) -> None:
        """Refuse two checks of one name: a report could not tell them apart."""
        ids = [check.id for check in self.checks]
        if len(set(ids)) != len(ids):
            raise ValueError(f"suite {self.name} has two checks of one id: {sorted(ids)}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON, equal for equal suites."""
        return asdict(self)


def ordered_columns(columns: tuple[str, ...]) -> Check:
    """Expect exactly these columns in this order."""
    return Check(
        "columns",
        "ExpectTableColumnsToMatchOrderedList",
        f"the columns {', '.join(columns)}, in this order",
        {"column_list": list(columns)},
    )


def column_type(column: str, dtype: str) -> Check:
    """Expect a column of this pandas dtype."""
    return Check(
        f"{column}_type", "ExpectColumnValuesToBeOfType", f"{column} of type {dtype}", _on(column, type_=dtype)
    )


def row_count(n: int, of: str) -> Check:
    """Expect exactly `n` rows."""
    return Check("row_count", "ExpectTableRowCountToEqual", f"{n} rows, {of}", {"value": n})


def unique(column: str) -> Check:
    """Expect no value twice."""
    return Check(f"{column}_unique", "ExpectColumnValuesToBeUnique", f"no {column} twice", _on(column))


def unique_together(columns: tuple[str, ...]) -> Check:
    """Expect no combination of values twice."""
    return Check(
        f"{'_'.join(columns)}_unique",
        "ExpectCompoundColumnsToBeUnique",
        f"no ({', '.join(columns)}) twice",
        {"column_list": list(columns)},
    )


def within(
    column: str, low: float | None, high: float | None = None, *, note: str | None = None, above: bool = False
) -> Check:
    """Expect every value that is not null between two limits, both included unless `above` excludes the lower."""
    least = f"above {low}" if above else f"at least {low}"
    limits = [least] if low is not None else []
    limits += [f"at most {high}"] if high is not None else []
    arguments = _on(column, min_value=low, max_value=high, strict_min=above)
    return Check(
        f"{column}_range", "ExpectColumnValuesToBeBetween", note or f"{column} {' and '.join(limits)}", arguments
    )


def not_null(
    column: str, *, where: Where | None = None, words: str = "in every row", severity: Severity = "critical"
) -> Check:
    """Expect no null (in the rows that `where` names)."""
    return Check(
        f"{column}_known", "ExpectColumnValuesToNotBeNull", f"{column} known {words}", _on(column), severity, where
    )


def mostly_not_null(column: str, mostly: float, note: str) -> Check:
    """Warn where more than a share of `1 - mostly` is null."""
    return Check(f"{column}_mostly_known", "ExpectColumnValuesToNotBeNull", note, _on(column, mostly=mostly), "warning")


def null(column: str, *, where: Where, words: str) -> Check:
    """Expect null in the rows that `where` names."""
    return Check(f"{column}_null", "ExpectColumnValuesToBeNull", f"{column} null {words}", _on(column), where=where)


def sums_to(columns: tuple[str, ...], total: int, of: str) -> Check:
    """Expect these columns to add up in each row."""
    return Check(
        f"{'_'.join(columns)}_sum",
        "ExpectMulticolumnSumToEqual",
        f"{' + '.join(columns)} equal to {total}, {of}",
        {"column_list": list(columns), "sum_total": total},
    )


def column_sum(column: str, total: int, of: str) -> Check:
    """Expect a column to add up to a total."""
    return Check(
        f"{column}_total",
        "ExpectColumnSumToBeBetween",
        f"{column} to add up to {total}, {of}",
        _on(column, min_value=total, max_value=total),
    )


def at_most(small: str, large: str) -> Check:
    """Expect one column never above another."""
    return Check(
        f"{small}_at_most_{large}",
        "ExpectColumnPairValuesAToBeGreaterThanB",
        f"{small} at most {large}",
        {"column_A": large, "column_B": small, "or_equal": True},
    )


def equal(first: str, second: str) -> Check:
    """Expect two columns equal in each row."""
    return Check(
        f"{first}_equals_{second}",
        "ExpectColumnPairValuesToBeEqual",
        f"{first} equal to {second}",
        {"column_A": first, "column_B": second},
    )


def each_once(column: str, start: int, stop: int) -> tuple[Check, ...]:
    """Expect the numbers `start` to `stop - 1`, each once: with the row count, uniqueness and limits say so."""
    return (
        row_count(stop - start, f"one for each {column} from {start} to {stop - 1}"),
        unique(column),
        within(column, start, stop - 1),
    )


def _on(column: str, **arguments: Any) -> dict[str, Any]:
    return {"column": column, **arguments}


def table_checks(
    table: str,
    present: Collection[str],
    *,
    known_too: Collection[str] = (),
    instead: Mapping[str, Sequence[Check]],
) -> Iterator[Check]:
    """Yield the checks of a table.

    Args:
        table: its name.
        present: columns of the table that is checked; of these the optional ones are expected.
        known_too: nullable columns that must have a value here all the same.
        instead: the checks of a column whose limits the schema does not know, in place of its own.
    """
    columns = columns_of(table, present)
    yield ordered_columns(tuple(column.name for column in columns))
    for column in columns:
        if column.dtype != "string":  # pandas has several types of text
            yield column_type(column.name, column.dtype)
    for column in columns:
        yield from instead.get(column.name, _own(column, must_be_known=column.name in known_too))


def _own(column: Column, *, must_be_known: bool) -> list[Check]:
    checks = []
    if must_be_known or not (column.nullable or column.dtype == "int64"):  # int64 of pandas has no null
        checks.append(not_null(column.name))
    if column.low is not None or column.high is not None:
        checks.append(within(column.name, column.low, column.high, above=column.above))
    return checks
