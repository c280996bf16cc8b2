"""Predictions of other software: five arrays or npy files, checked and packed in parts."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from mempipe.bits import pack
from mempipe.errors import InputError
from mempipe.scores.tally import TrialBatch
from mempipe.shards import Shard
from mempipe.spec import NUMERICS_VERSION
from mempipe.steps.progress import Advance
from mempipe.validation.quality import UNKNOWN, concat, mark_odd, quality_rows

ROWS: Final = 256
"""Number of trials that are read and packed at once."""

Source = ArrayLike | str | os.PathLike[str]
"""Array-like, or the path of an npy file."""
_PATHS: Final = (str, os.PathLike)

Rows = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class ScoreInputs:
    """Arrays or files of predictions.

    Attributes:
        subset_mask, train_correct: bool [trial, train].
        test_correct: bool [trial, test].
        train_labels, test_labels: integers (n,).
    """

    subset_mask: Source
    train_correct: Source
    test_correct: Source
    train_labels: Source
    test_labels: Source

    def name(self, field: str) -> str:
        """Return the name of an input in messages: the option and its file, or the argument."""
        source = getattr(self, field)
        return f"{field.replace('_', '-')} {os.fspath(source)}" if isinstance(source, _PATHS) else field


@dataclass(frozen=True, eq=False)
class Predictions:
    """Arrays or memory maps with consistent shapes and labels."""

    subset_mask: NDArray[Any]
    train_correct: NDArray[Any]
    test_correct: NDArray[Any]
    train_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    inputs: ScoreInputs

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return len(self.subset_mask)

    @classmethod
    def open(cls, inputs: ScoreInputs) -> "Predictions":
        """Map the files and check shapes and labels; the predictions' values are checked by `check`."""
        train_labels, test_labels = _labels(inputs, "train_labels"), _labels(inputs, "test_labels")
        present = np.unique(train_labels)
        if len(present) <= max(train_labels.max(), test_labels.max()):
            gaps = np.flatnonzero(present != np.arange(len(present)))
            absent = gaps[0] if len(gaps) else len(present)
            raise InputError(
                f"Labels cannot be used: {inputs.name('train_labels')} has no example of label {absent}, "
                "expected every class from 0 up.",
                hint="number the classes from 0 without gaps.",
            )
        mask = _array(inputs, "subset_mask")
        train_correct, test_correct = _array(inputs, "train_correct"), _array(inputs, "test_correct")
        n_trials = len(mask) if mask.ndim else 0
        for field, array, labels_field, n in (
            ("subset_mask", mask, "train_labels", len(train_labels)),
            ("train_correct", train_correct, "train_labels", len(train_labels)),
            ("test_correct", test_correct, "test_labels", len(test_labels)),
        ):
            if array.shape != (n_trials, n) or n_trials == 0:
                raise InputError(
                    f"Predictions cannot be used: {inputs.name(field)} is {array.shape}, expected "
                    f"{max(n_trials, 1)} trials of {inputs.name('subset_mask')} x {n} labels of "
                    f"{inputs.name(labels_field)}.",
                    hint="rows are trials, columns are examples in the order of the labels.",
                )
        return cls(mask, train_correct, test_correct, train_labels, test_labels, inputs)

    def check(self, advance: Advance) -> tuple[str, pa.Table]:
        """Check that every value is 0 or 1; return the hash of the inputs and the table of the trials."""
        digest = hashlib.sha256(f"mempipe-score-1|{self.n_trials}".encode())
        for labels in (self.train_labels, self.test_labels):
            digest.update(labels.tobytes())
        tables = []
        for start, rows in self._packed():
            for packed in rows:
                digest.update(packed.tobytes())
            tables.append(self._quality(start, rows))
            advance(len(rows[0]))
        table = mark_odd(concat(tables), test_labels=self.test_labels, n_train=len(self.train_labels))
        return digest.hexdigest(), table

    def batches(self) -> Iterator[TrialBatch]:
        """Yield all trials, packed."""
        for start, (mask, train, test) in self._packed():
            ids = np.arange(start, start + len(mask), dtype=np.int64)
            yield TrialBatch(ids, mask, {"correct": train}, {"correct": test})

    def _packed(self) -> Iterator[tuple[int, Rows]]:
        for start in range(0, self.n_trials, ROWS):
            part = slice(start, start + ROWS)
            yield (
                start,
                (
                    _pack(self.subset_mask[part], self.inputs.name("subset_mask")),
                    _pack(self.train_correct[part], self.inputs.name("train_correct")),
                    _pack(self.test_correct[part], self.inputs.name("test_correct")),
                ),
            )

    def _quality(self, start: int, rows: Rows) -> pa.Table:
        shard = Shard(
            run_key="",
            data_fingerprint="",
            numerics_version=NUMERICS_VERSION,
            n_train=len(self.train_labels),
            n_test=len(self.test_labels),
            trials=np.arange(start, start + len(rows[0]), dtype=np.int64),
            subset_mask=rows[0],
            train={"correct": rows[1]},
            test={"correct": rows[2]},
        )
        return quality_rows(shard, key="", circumstances=UNKNOWN)


def _array(inputs: ScoreInputs, field: str) -> NDArray[Any]:
    """Return an input as an array; files are memory-mapped, damaged files and pickles are refused."""
    source = getattr(inputs, field)
    if not isinstance(source, _PATHS):
        return np.asarray(source)
    try:
        array = np.load(source, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, TypeError) as error:
        if isinstance(error, FileNotFoundError):
            got = "missing"
        elif "pickle" in str(error) or "Python objects" in str(error):
            got = "no plain array or holds pickled objects, which are never loaded"
        else:
            got = f"damaged or no npy ({error})"
        raise InputError(
            f"File cannot be read: {inputs.name(field)} is {got}, expected an npy of one plain array.",
            hint="save it with numpy.save.",
        ) from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise InputError(
            f"File cannot be read: {inputs.name(field)} is an npz, expected an npy of one array.",
            hint="save it with numpy.save.",
        )
    return array


def _labels(inputs: ScoreInputs, field: str) -> NDArray[np.int64]:
    array = _array(inputs, field)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer) or array.size == 0 or array.min() < 0:
        lowest = f" from {array.min()}" if array.size and np.issubdtype(array.dtype, np.integer) else ""
        raise InputError(
            f"Labels cannot be used: {inputs.name(field)} is {array.dtype} {array.shape}{lowest}, "
            "expected integers (n,) from 0.",
            hint="one label for each example, numbered from 0.",
        )
    return np.asarray(array, dtype=np.int64)


def _pack(rows: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if rows.dtype != np.bool_:
        if rows.dtype.kind not in "iuf" or not ((rows == 0) | (rows == 1)).all():
            raise InputError(
                f"Predictions cannot be used: {name} is {rows.dtype} with other values than 0 and 1, expected bool.",
                hint="give correctness, not classes or probabilities: (predicted == label).",
            )
        rows = rows != 0
    return pack(rows)
