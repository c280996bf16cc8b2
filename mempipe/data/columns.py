"""Reads some columns of a table, from an npz, a csv or a Parquet file, as text or as images."""

import csv
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mempipe.data.arrays import as_images, read_npz
from mempipe.errors import DataError

_CSV_BLOCK: Final = 2**26
"""Bytes that Arrow splits into rows at once: a row, with its text, must be smaller."""

_UNREADABLE: Final = (pa.ArrowException, OSError, ValueError, KeyError, StopIteration, csv.Error)


def read_columns(path: Path, names: tuple[str, ...], *, what: str) -> dict[str, pa.ChunkedArray]:
    """Return columns of a table: of text, or of numbers where the file has numbers. Other columns are not read.

    Args:
        path: `.npz` with an array for each column, `.csv` (UTF-8, a header, commas) or `.parquet`.
        names: of the columns.
        what: the data set, for messages.

    Returns:
        The columns by name, all of the same length. A csv's are all text; an empty cell is empty text.

    Raises:
        DataError: another kind of file, damaged, empty, without one of the columns, or with columns of different
            lengths.
    """
    readers = {".npz": _of_npz, ".csv": _of_csv, ".parquet": _of_parquet}
    if path.suffix not in readers:
        raise DataError(
            f"Data set cannot be read: {what} {path} ends in {path.suffix or 'no suffix'}, expected one of "
            f"{', '.join(readers)}.",
            hint="convert the table to one of these.",
        )
    try:
        columns = readers[path.suffix](path, names, what)
    except _UNREADABLE as error:
        raise DataError(
            f"Data set cannot be read: {what} {path} is damaged or no {path.suffix} "
            f"({type(error).__name__}: {str(error).partition(chr(10))[0]}).",
            hint="check that the file is complete, and that its suffix says what it is.",
        ) from error
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(
            f"Data set cannot be used: {what} {path} columns have the lengths {lengths}, expected one length.",
            hint="store one value for each example in each array.",
        )
    if 0 in lengths.values():
        raise DataError(
            f"Data set cannot be used: {what} {path} has no rows, expected at least one example.",
            hint="check what wrote the table.",
        )
    return columns


def as_texts(column: pa.ChunkedArray, *, place: str) -> list[str]:
    """Return a column of text or of integers as text.

    Args:
        column: without nulls.
        place: file and column, for messages.

    Raises:
        DataError: a value is null, or the column has another type.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
        raise DataError(
            f"Data set cannot be used: {place} is {kind}, expected text or integers.",
            hint="convert the column; pandas turns integers with missing values to floats.",
        )
    if column.null_count:
        raise DataError(
            f"Data set cannot be used: {place} is null at position {pc.index(pc.is_null(column), True).as_py()}, "
            "expected a value for each example.",
            hint="fill the value, or remove the example.",
        )
    return [str(value) for value in column.to_pylist()]


def read_images(path: Path, name: str, *, what: str) -> NDArray[np.uint8]:
    """Return an array of an npz as uint8 images (n, height, width, channels); a missing channel axis is added.

    Raises:
        DataError: another kind of file or of array, or none of this name.
    """
    if path.suffix != ".npz":
        raise DataError(
            f"Data set cannot be read: {what} {path} has no images, expected an npz where data.image is given.",
            hint="store labels, ids and images as arrays of one npz, or leave out data.image.",
        )
    (array,) = read_npz(path, (name,), what=what)
    if array.dtype != np.uint8:
        raise DataError(
            f"Data set cannot be used: {what} {path} {name} is {array.dtype}, expected uint8.",
            hint="scale the images to 0 to 255; they are shown in the report.",
        )
    return as_images(array, what=str(path), key=name)


def _of_npz(path: Path, names: tuple[str, ...], what: str) -> dict[str, pa.ChunkedArray]:
    arrays = read_npz(path, names, what=what)
    return {name: _of_array(array, f"{what} {path} {name}") for name, array in zip(names, arrays, strict=True)}


def _of_array(array: NDArray[Any], place: str) -> pa.ChunkedArray:
    if array.ndim != 1 or array.dtype.kind not in "iuUS":
        raise DataError(
            f"Data set cannot be used: {place} is {array.dtype} {array.shape}, expected text or integers (n,).",
            hint="store one value for each example.",
        )
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    return pa.chunked_array([pa.array(array.tolist(), type=pa.large_string() if array.dtype.kind == "U" else None)])


def _of_csv(path: Path, names: tuple[str, ...], what: str) -> dict[str, pa.ChunkedArray]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        _check_names(next(csv.reader(file)), names, f"{what} {path}")
    table = pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=_CSV_BLOCK),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        # As text, since `007` is an id and no number, and `NA` may be a class.
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=names, column_types=dict.fromkeys(names, pa.string())
        ),
    )
    return {name: table[name] for name in names}


def _of_parquet(path: Path, names: tuple[str, ...], what: str) -> dict[str, pa.ChunkedArray]:
    with pq.ParquetFile(path) as file:
        _check_names(file.schema_arrow.names, names, f"{what} {path}")
        table = file.read(columns=list(names))
    return {name: table[name] for name in names}


def _check_names(columns: list[str], names: tuple[str, ...], place: str) -> None:
    for name in names:
        if columns.count(name) != 1:
            some = f"{', '.join(columns[:20])}{', …' if len(columns) > 20 else ''}"
            raise DataError(
                f"Data set cannot be read: {place} has {columns.count(name)} columns {name!r} ({some}), expected one.",
                hint="name the column in the spec: data.label, data.id, data.text.",
            )
