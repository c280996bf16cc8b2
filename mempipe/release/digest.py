"""The content digest: what a release says, hashed apart from how its files are laid out.

Each table and the tallies get a SHA-256 of their own over names, types, shapes and values; the content digest hashes
these. File formats, library versions, the order of blocks and the chunks of a table do not enter, nor do timings,
hardware, dates and software.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mempipe.scores.blocks import Block
from mempipe.tables.parquet import in_digest


def content_digest(parts: Mapping[str, str]) -> str:
    """Return the digest of a release from those of its parts (hex by name)."""
    return hashlib.sha256(json.dumps(dict(parts), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def table_digest(name: str, table: pa.Table) -> str:
    """Return the digest of a table as it is in its file: of its rows in order, of its columns whatever their order."""
    columns = {field.name: _column_digest(field, table[field.name]) for field in table.schema if in_digest(name, field)}
    return content_digest({"": f"table {name}, {table.num_rows} rows", **columns})


def array_digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the digest of named arrays, by name, type, shape and bytes."""
    parts = {}
    for name, array in arrays.items():
        digest = hashlib.sha256(f"{array.dtype.newbyteorder('<').str}|{array.shape}|".encode())
        digest.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes())
        parts[name] = digest.hexdigest()
    return content_digest(parts)


class BlocksDigest:
    """The digest of the pairs' counts: of each class by its rows in order, whichever class comes first."""

    def __init__(self) -> None:
        """Start with no class."""
        self._classes: dict[str, Any] = {}

    def add(self, block: Block, rows: NDArray[np.int32]) -> None:
        """Take the next rows of `correct_in` of a whole block."""
        digest = self._classes.get(block.name)
        if digest is None:
            header = array_digest({"tr_idx": block.tr_idx, "tt_idx": block.tt_idx})
            digest = self._classes[block.name] = hashlib.sha256(f"{block.label}|{header}|".encode())
        digest.update(np.ascontiguousarray(rows, dtype="<i4").data)

    def hexdigest(self) -> str:
        """Return the digest of what was taken."""
        return content_digest({name: digest.hexdigest() for name, digest in self._classes.items()})


def _column_digest(field: pa.Field, column: pa.ChunkedArray) -> str:
    """Hash values and validity apart, so that it does not matter where a chunk ends."""
    values, validity = hashlib.sha256(), hashlib.sha256()
    text = pa.types.is_string(field.type)
    lengths = hashlib.sha256()
    for chunk in column.chunks:
        validity.update(np.asarray(pc.is_valid(chunk).to_numpy(zero_copy_only=False), dtype=np.uint8).tobytes())
        if text:
            encoded = [(value or "").encode() for value in chunk.to_pylist()]
            lengths.update(np.array([len(value) for value in encoded], dtype="<i8").tobytes())
            values.update(b"".join(encoded))
            continue
        empty = pa.scalar(False if pa.types.is_boolean(field.type) else 0, type=field.type)
        filled = pc.fill_null(chunk, empty).to_numpy(zero_copy_only=False)
        values.update(np.ascontiguousarray(filled, dtype=filled.dtype.newbyteorder("<")).tobytes())
    return content_digest(
        {
            "type": str(field.type),
            "values": values.hexdigest(),
            "validity": validity.hexdigest(),
            "lengths": lengths.hexdigest() if text else "",
        }
    )
