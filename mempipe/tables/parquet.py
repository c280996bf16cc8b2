"""Builds, writes and reads tables by their schema: readers ignore unknown columns, and an absent column is null."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from mempipe.errors import ReleaseError
from mempipe.tables.schema import SCHEMA_VERSION, TABLES, Column, columns_of, columns_of_table

_COMPRESSION: Final = "zstd"
_OUTSIDE_DIGEST: Final = {"digest": "no"}
"""Metadata of fields that the digest leaves out, for earlier versions; they know the fields of the first version."""


def table_file(name: str) -> str:
    """Return the file of a table."""
    return f"{name}.parquet"


def table_schema(name: str, present: Collection[str] | None = None) -> pa.Schema:
    """Return the Arrow schema of a table, with unit and meaning in each field's metadata.

    Args:
        name: of the table.
        present: the columns that the table has; None for all of them.
    """
    fields = [_field(column) for column in columns_of_table(name) if present is None or column.name in present]
    return pa.schema(fields, metadata={"mempipe.table": name, "mempipe.schema_version": str(SCHEMA_VERSION)})


def build_table(name: str, values: Mapping[str, Any]) -> pa.Table:
    """Build a table from arrays by column; an optional column may be absent or None, NaN becomes null."""
    columns = columns_of(name, {key for key, array in values.items() if array is not None})
    schema = table_schema(name, {column.name for column in columns})
    arrays = [pa.array(values[field.name], type=field.type, from_pandas=field.nullable) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def write_table(table: pa.Table, path: Path) -> None:
    """Write Parquet; equal tables give equal bytes with one version of pyarrow."""
    pq.write_table(table, path, compression=_COMPRESSION, version="2.6", write_statistics=True)


def read_table(path: Path, name: str, *, source: str) -> pa.Table:
    """Read a table with exactly the columns of its schema, whatever else the file holds and in whatever order.

    A column that the file lacks, because it is optional or was added by a later version than the file's, is null.

    Raises:
        ReleaseError: the file is missing, damaged or of another table.
    """
    table = read_file(path, source=source)
    required = [column.name for column in columns_of_table(name) if column.required]
    if not set(required) <= set(table.column_names):
        raise ReleaseError(
            f"File is damaged: {source} columns are {table.column_names}, expected {required} of table {name}.",
            hint="fetch the release again.",
        )
    fields, arrays = [], []
    for column in columns_of_table(name):
        if column.name not in table.column_names:
            fields.append(_field(column).with_nullable(True))
            arrays.append(pa.chunked_array([pa.nulls(table.num_rows, column.type)]))
            continue
        field = table.schema.field(column.name)
        if (field.type, field.nullable) != (column.type, column.nullable):
            raise ReleaseError(
                f"File is damaged: {source} {column.name} is {_described(field)}, "
                f"expected {_described(_field(column))} of table {name}.",
                hint="fetch the release again.",
            )
        fields.append(field)
        arrays.append(table[column.name])
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=table.schema.metadata))


def read_file(path: Path, *, source: str) -> pa.Table:
    """Read a table as stored, with the columns of later versions, which the content digest covers.

    Raises:
        ReleaseError: the file is missing or damaged.
    """
    try:
        return pq.read_table(path, partitioning=None)
    except FileNotFoundError as error:
        raise ReleaseError(
            f"File is missing: {source} does not exist, expected a table.", hint="fetch the release again."
        ) from error
    except (pa.ArrowException, OSError) as error:
        raise ReleaseError(
            f"File is damaged: {source} cannot be read as Parquet ({error}).", hint="fetch the release again."
        ) from error


def in_digest(name: str, field: pa.Field) -> bool:
    """Return whether the content digest covers a column: all but those that the schema or the field excludes."""
    outside = {column.name for column in TABLES.get(name, ()) if not column.in_digest}
    marked = (field.metadata or {}).get(b"digest") == b"no"
    return field.name not in outside and not marked


def has_values(table: pa.Table, column: str) -> bool:
    """Return whether a table has a column with any value: an optional one may be absent, or null in every row."""
    return column in table.column_names and table[column].null_count < table.num_rows


def _field(column: Column) -> pa.Field:
    metadata = {"unit": column.unit, "meaning": column.meaning}
    if column.since and not column.in_digest:
        metadata |= _OUTSIDE_DIGEST
    return pa.field(column.name, column.type, nullable=column.nullable, metadata=metadata)


def _described(field: pa.Field) -> str:
    return f"{field.type}{'' if field.nullable else ' not null'}"
