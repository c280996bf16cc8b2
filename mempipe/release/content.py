"""The content of a release, before any file is written, and the digest of this content.

Each table and the tallies get a SHA-256 of their own over names, types, shapes and values; the content digest hashes
these. File formats, library versions, the order of blocks and the chunks of a table do not enter, nor do timings,
hardware, dates and software.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mempipe.errors import EmptyTallyError, InputError, TallyError
from mempipe.release.manifest import DataSource, Thresholds
from mempipe.release.subset_design import SubsetDesign
from mempipe.scores.estimators import Estimator, load_estimators
from mempipe.scores.tally import Block, BlockTally, ExampleTally, Scope, TrialBatch
from mempipe.tables.parquet import in_digest

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SOFTWARE: Final = ("mempipe", "numpy", "pyarrow")


@dataclass(frozen=True, eq=False)
class ReleaseContent:
    """Counts and provenance of one release.

    Attributes:
        name: of the release and its files.
        key: run key, or hash of the inputs; `key_kind` says which.
        examples: counts of the examples.
        blocks: returns the counts of the pairs, from the start at each call: those of `blocks_of` in its order, each
            whole or as consecutive parts of its rows; `write_release` calls it once and keeps none.
        scope: which pairs are counted.
        train_labels, test_labels: int64 (n,), in [0, number of class names).
        class_names: one for each label.
        trials: one row for each trial counted (`mempipe.tables.schema.TRIALS`).
        subsets: how the trials' subsets were drawn.
        data: the data set.
        train_filenames, test_filenames: names or ids in the data set's order, where there are some; else None.
        thresholds: of the high-influence pairs.
        spec: the resolved spec of the run; None where there was no run.
        run: id of the run in its store; None where there was no run.
        merged: ids of the releases that are merged.
        created: UTC; None for now.
        estimators: that compute the scores, `plain` first.
        batches: gives the trials with their outcomes, anew at each call; only estimators beside `plain` use it.
        software: versions beyond those of Python, mempipe, numpy and pyarrow.

    Raises:
        InputError: the name is not allowed, or labels, class names, file names or trials do not fit the counts.
        EmptyTallyError: no trial was counted.
    """

    name: str
    key: str
    key_kind: Literal["run", "inputs"]
    examples: ExampleTally
    blocks: Callable[[], Iterable[BlockTally]]
    scope: Scope
    train_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    class_names: Sequence[str]
    trials: pa.Table
    subsets: SubsetDesign
    data: DataSource
    train_filenames: Sequence[str] | None = None
    test_filenames: Sequence[str] | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)
    spec: Mapping[str, Any] | None = None
    run: str | None = None
    merged: Sequence[str] = ()
    created: datetime | None = None
    estimators: tuple[Estimator, ...] = field(default_factory=lambda: load_estimators(()))
    batches: Callable[[], Iterable[TrialBatch]] = tuple
    software: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse inconsistent content before anything is written."""
        if not _NAME.fullmatch(self.name):
            raise _unfit(
                f"name is {self.name!r}",
                "1 to 63 lower-case letters, digits, '-' or '_', the first a letter or digit",
                "choose another name.",
            )
        if self.examples.n_trials == 0:
            raise EmptyTallyError(
                f"Release cannot be written: {self.name} n_trials is 0, expected 1 or more.",
                hint="train first: `mempipe plan` says which trials are missing.",
            )
        if self.scope is Scope.CLASS and not self.thresholds.same_label:
            raise _unfit("thresholds.same_label is False with counts by class", "True", "count the scope `full`.")
        n_classes = len(self.class_names)
        for part, labels, names, n in (
            ("train", self.train_labels, self.train_filenames, self.examples.n_train),
            ("test", self.test_labels, self.test_filenames, self.examples.n_test),
        ):
            if labels.dtype != np.int64 or labels.shape != (n,):
                raise TallyError(
                    f"Release cannot be written: {part} labels are {labels.dtype} {labels.shape}, "
                    f"expected int64 ({n},).",
                    hint="give the labels of the data set that was counted.",
                )
            if n and not 0 <= labels.min() <= labels.max() < n_classes:
                raise _unfit(
                    f"{part} labels are from {labels.min()} to {labels.max()}",
                    f"0 to {n_classes - 1}, as there are {n_classes} class names",
                    "number the classes from 0.",
                )
            if names is not None and len(names) != n:
                raise _unfit(f"{part} file names are {len(names)}", str(n), "give one for each example, or none.")
        if (self.train_filenames is None) != (self.test_filenames is None):
            raise _unfit("file names are given for one part", "both or none", "give both.")
        if self.trials.num_rows != self.examples.n_trials:
            raise _unfit(
                f"table of trials has {self.trials.num_rows} rows",
                f"{self.examples.n_trials}, the trials counted",
                "make the table from the shards that were counted.",
            )


def software_versions(more: Mapping[str, str]) -> dict[str, str]:
    """Return the versions that write a release, by package."""
    versions = {"python": python_version(), **more}
    for package in _SOFTWARE:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # run from a checkout
            from mempipe import __version__

            versions[package] = __version__
    return dict(sorted(versions.items()))


def _unfit(got: str, expected: str, hint: str) -> InputError:
    return InputError(f"Release cannot be written: {got}, expected {expected}.", hint=hint)


def content_digest(parts: Mapping[str, str]) -> str:
    """Return the digest of a release from those of its parts (hex by name)."""
    return hashlib.sha256(json.dumps(dict(parts), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def table_digest(name: str, table: pa.Table) -> str:
    """Return the digest of a table: of its rows in order and its columns in any order."""
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
        """Return the digest of the rows so far."""
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
