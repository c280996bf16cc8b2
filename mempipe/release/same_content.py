"""Tells whether two files of a release say the same, however their bytes were laid out."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mempipe.errors import ReleaseError
from mempipe.release.npz import NpzReader


def same_content(one: Path, other: Path) -> bool:
    """Compare two Parquet files by their tables, or two npz files by their arrays; an unreadable file is another."""
    with other.open("rb") as file:
        is_table = file.read(4) == b"PAR1"
    return _same_table(one, other) if is_table else _same_arrays(one, other)


def _same_table(one: Path, other: Path) -> bool:
    try:
        a, b = pq.read_table(one, partitioning=None), pq.read_table(other, partitioning=None)
    except (pa.ArrowException, OSError):
        return False
    return bool(a.schema.equals(b.schema) and a.equals(b))


def _same_arrays(one: Path, other: Path) -> bool:
    try:
        with NpzReader(one, source=str(one)) as a, NpzReader(other, source=str(other)) as b:
            if a.names != b.names:
                return False
            return all(_same_array(a, b, name) for name in a.names)
    except ReleaseError:
        return False


def _same_array(a: NpzReader, b: NpzReader, name: str) -> bool:
    shape, dtype = a.shape(name)
    if (shape, dtype) != b.shape(name):
        return False
    if not shape:
        return a.read(name).tobytes() == b.read(name).tobytes()
    return all(x.tobytes() == y.tobytes() for x, y in zip(a.bands(name), b.bands(name), strict=True))
