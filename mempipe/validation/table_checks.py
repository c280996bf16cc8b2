"""What the schema of a table says as checks: its columns in their order, their types, their limits, and no nulls."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from mempipe.tables.schema import Column, columns_of
from mempipe.validation.checks import Check, column_type, known, ordered_columns, within


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
        checks.append(known(column.name))
    if column.low is not None or column.high is not None:
        checks.append(within(column.name, column.low, column.high, above=column.above))
    return checks
