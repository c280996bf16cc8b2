"""The schema version and the columns as docs/release-format.md lists them."""

import re
from typing import Final

from mempipe.tables.parquet import table_file
from mempipe.tables.schema import MINOR_VERSION, SCHEMA_VERSION, TABLES

_HEAD: Final = ("file", "column", "dtype", "unit", "meaning", "undefined", "absent", "digest", "since")
_VERSION: Final = re.compile(r"^Schema version \d+\.\d+\.", re.MULTILINE)
_TABLE: Final = re.compile(r"^\| file \| column \|.*\n(?:\|.*\n)+", re.MULTILINE)


def with_schema(page: str) -> str:
    """Return the page with the version and the table of columns of the schema.

    Raises:
        ValueError: the page does not have exactly one line of the version and one such table.
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
    page, n_versions = _VERSION.subn(f"Schema version {SCHEMA_VERSION}.{MINOR_VERSION}.", page)
    page, n_tables = _TABLE.subn(lambda _: "".join(lines), page)
    if (n_versions, n_tables) != (1, 1):
        raise ValueError(f"page has {n_versions} schema versions and {n_tables} tables of columns, expected one each")
    return page
