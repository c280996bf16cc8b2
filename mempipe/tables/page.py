"""The columns as docs/release-format.md lists them."""

import re
from typing import Final

from mempipe.tables.parquet import table_file
from mempipe.tables.schema import SCHEMA_VERSION, TABLES

_HEAD: Final = ("file", "column", "dtype", "unit", "meaning", "undefined", "absent", "digest", "since")
_TABLE: Final = re.compile(r"^\| file \| column \|.*\n(?:\|.*\n)+", re.MULTILINE)


def with_columns(page: str) -> str:
    """Return the page with its table of columns as the schema says.

    Raises:
        ValueError: the page has no such table, or more than one.
    """
    rows = [
        (
            f"`{table_file(name)}`",
            f"`{column.name}`",
            column.dtype,
            column.unit,
            column.meaning,
            "null" if column.nullable else "",
            "optional" if column.optional else "",
            "" if column.in_digest else "no",
            f"{SCHEMA_VERSION}.{column.since}",
        )
        for name, columns in TABLES.items()
        for column in columns
    ]
    lines = [f"| {' | '.join(cells)} |\n" for cells in (_HEAD, *rows)]
    lines.insert(1, "|---" * len(_HEAD) + "|\n")
    result, n_tables = _TABLE.subn(lambda _: "".join(lines), page)
    if n_tables != 1:
        raise ValueError(f"page has {n_tables} tables of columns, expected one")
    return result
