"""Compares the content of two files of a release, independent of the layout of their bytes."""

from pathlib import Path

from mempipe.errors import ReleaseError
from mempipe.npz import NpzReader
from mempipe.release.content import table_digest
from mempipe.tables.parquet import read_file


def same_content(one: Path, other: Path, *, name: str) -> bool:
    """Compare two files that a release calls `name`: tables as the content digest does, npz files array by array.

    An unreadable file is different.
    """
    table = name.removesuffix(".parquet")
    try:
        if table != name:
            digests = [table_digest(table, read_file(path, source=str(path))) for path in (one, other)]
            return digests[0] == digests[1]
        with NpzReader(one, source=str(one)) as a, NpzReader(other, source=str(other)) as b:
            return a.names == b.names and all(_same_array(a, b, array) for array in a.names)
    except ReleaseError:
        return False


def _same_array(a: NpzReader, b: NpzReader, name: str) -> bool:
    if a.shape(name) != b.shape(name):
        return False
    if not a.shape(name)[0]:
        return a.read(name).tobytes() == b.read(name).tobytes()
    return all(x.tobytes() == y.tobytes() for x, y in zip(a.bands(name), b.bands(name), strict=True))
