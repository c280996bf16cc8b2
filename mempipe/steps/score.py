"""`mempipe score`: a whole release from predictions that were made elsewhere, out of core."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.bits import pack
from mempipe.errors import InputError
from mempipe.release.content import ReleaseContent
from mempipe.release.folder import check_folder, publish_folder, staging_folder
from mempipe.release.manifest import DataSource, Thresholds
from mempipe.release.subset_design import SubsetDesign
from mempipe.release.write import write_release
from mempipe.scores.tally import BlockTally, Scope, TrialBatch, blocks_of
from mempipe.shards import Shard
from mempipe.spec import NUMERICS_VERSION, checked_name
from mempipe.steps.batches import counted
from mempipe.steps.progress import Advance, Reporter
from mempipe.steps.release_check import check_without_docs
from mempipe.validation.quality import UNKNOWN, concat, mark_odd, quality_rows

ROWS: Final = 256
"""Trials that are read and packed at once."""

Rows = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class ScoreInputs:
    """The files of predictions.

    Attributes:
        subset_mask, train_correct: bool [trial, train].
        test_correct: bool [trial, test].
        train_labels, test_labels: integers (n,).
    """

    subset_mask: Path
    train_correct: Path
    test_correct: Path
    train_labels: Path
    test_labels: Path


def score(inputs: ScoreInputs, *, name: str, out: Path, influence: str, reporter: Reporter) -> Path:
    """Write the release of these predictions to `out`.

    The inputs are checked whole before anything is written. Files are read as memory maps; what is held at once is
    bounded by the pairs of a class, not by the number of trials.

    Returns:
        `out`, absolute.

    Raises:
        InputError: a file is missing or damaged, arrays do not fit together or are not binary, or `out` is in use.
    """
    checked_name(name)
    if influence not in set(Scope):
        raise InputError(
            f"Command cannot be run: --influence is {influence!r}, expected {' or '.join(Scope)}.",
            hint="`class` counts pairs of one class, `full` all pairs.",
        )
    scope = Scope(influence)
    there = check_folder(out, name=name)
    predictions = Predictions.open(inputs)
    labels = (predictions.train_labels, predictions.test_labels)
    sizes = {"n_train": len(labels[0]), "n_test": len(labels[1])}
    # Here, because numba takes a second to load and a wrong input should be refused at once.
    from mempipe.scores.count import count_blocks, count_examples

    with reporter.stage("checking", total=predictions.n_trials, unit="trials") as advance:
        key, trials = predictions.check(advance)
    thresholds = Thresholds()
    if there is not None and (there.key, there.influence, there.thresholds) == (key, str(scope), thresholds):
        reporter.note(f"{there.id}: this release is there already")
        return out.resolve()
    with reporter.stage("counting examples", total=1, unit="passes") as advance:
        examples = count_examples(predictions.batches(), source=key, **sizes)
        advance(1)
    blocks = blocks_of(*labels, scope)
    with reporter.stage("scoring pairs", total=len(blocks), unit="blocks") as advance:

        def told() -> Iterator[BlockTally]:
            return counted(count_blocks(predictions.batches, blocks, source=key, **sizes), labels[0], advance)

        content = ReleaseContent(
            name=name,
            key=key,
            key_kind="inputs",
            examples=examples,
            blocks=told,
            scope=scope,
            train_labels=labels[0],
            test_labels=labels[1],
            class_names=[str(label) for label in range(int(max(part.max() for part in labels)) + 1)],
            trials=trials,
            subsets=SubsetDesign(design="unknown", ratio=_share(examples.n_in, examples.n_trials)),
            data=DataSource(name=name, source="predictions made elsewhere"),
            thresholds=thresholds,
        )
        with staging_folder(out) as staging:
            check = check_without_docs(examples, thresholds, name=name)
            manifest = write_release(content, staging, check=check)
            publish_folder(out, staging, manifest)
    reporter.note(f"{manifest.id}: {manifest.n_trials} trials, {manifest.pairs.n_pairs} high-influence pairs")
    return out.resolve()


@dataclass(frozen=True, eq=False)
class Predictions:
    """Memory maps of the five files, whose shapes and labels fit together."""

    subset_mask: NDArray[Any]
    train_correct: NDArray[Any]
    test_correct: NDArray[Any]
    train_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    files: ScoreInputs

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return len(self.subset_mask)

    @classmethod
    def open(cls, files: ScoreInputs) -> "Predictions":
        """Map the files and check shapes and labels; the predictions' values are checked by `check`."""
        train_labels = _labels(files.train_labels, "train-labels")
        test_labels = _labels(files.test_labels, "test-labels")
        present = np.unique(train_labels)
        if len(present) <= max(train_labels.max(), test_labels.max()):
            gaps = np.flatnonzero(present != np.arange(len(present)))
            absent = gaps[0] if len(gaps) else len(present)
            raise InputError(
                f"Labels cannot be used: train-labels {files.train_labels} has no example of label {absent}, "
                "expected every class from 0 up.",
                hint="number the classes from 0 without gaps.",
            )
        mask = _map(files.subset_mask, "subset-mask")
        train_correct = _map(files.train_correct, "train-correct")
        test_correct = _map(files.test_correct, "test-correct")
        for option, path, array, labels_option, n in (
            ("subset-mask", files.subset_mask, mask, "train-labels", len(train_labels)),
            ("train-correct", files.train_correct, train_correct, "train-labels", len(train_labels)),
            ("test-correct", files.test_correct, test_correct, "test-labels", len(test_labels)),
        ):
            wanted = (len(mask) if mask.ndim else 0, n)
            if array.shape != wanted or wanted[0] == 0:
                raise InputError(
                    f"Predictions cannot be used: {option} {path} is {array.shape}, "
                    f"expected {max(wanted[0], 1)} trials of subset-mask x {n} labels of {labels_option}.",
                    hint="rows are trials, columns are examples in the order of the labels.",
                )
        return cls(mask, train_correct, test_correct, train_labels, test_labels, files)

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
                    _pack(self.subset_mask[part], "subset-mask", self.files.subset_mask),
                    _pack(self.train_correct[part], "train-correct", self.files.train_correct),
                    _pack(self.test_correct[part], "test-correct", self.files.test_correct),
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


def _map(path: Path, option: str) -> NDArray[Any]:
    """Map one npy file; damaged files and pickles are refused."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, TypeError) as error:
        if isinstance(error, FileNotFoundError):
            got = "missing"
        elif "pickle" in str(error) or "Python objects" in str(error):
            got = "no plain array or holds pickled objects, which are never loaded"
        else:
            got = f"damaged or no npy ({error})"
        raise InputError(
            f"File cannot be read: {option} {path} is {got}, expected an npy of one plain array.",
            hint="save it with numpy.save.",
        ) from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise InputError(
            f"File cannot be read: {option} {path} is an npz, expected an npy of one array.",
            hint="save it with numpy.save.",
        )
    return array


def _labels(path: Path, option: str) -> NDArray[np.int64]:
    array = _map(path, option)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer) or array.size == 0 or array.min() < 0:
        lowest = f" from {array.min()}" if array.size and np.issubdtype(array.dtype, np.integer) else ""
        raise InputError(
            f"Labels cannot be used: {option} {path} is {array.dtype} {array.shape}{lowest}, "
            "expected integers (n,) from 0.",
            hint="one label for each example, numbered from 0.",
        )
    return np.asarray(array, dtype=np.int64)


def _pack(rows: NDArray[Any], option: str, path: Path) -> NDArray[np.uint8]:
    if rows.dtype != np.bool_:
        if rows.dtype.kind not in "iuf" or not ((rows == 0) | (rows == 1)).all():
            raise InputError(
                f"Predictions cannot be used: {option} {path} is {rows.dtype} with other values than 0 and 1, "
                "expected bool.",
                hint="save correctness, not classes or probabilities: (predicted == label).",
            )
        rows = rows != 0
    return pack(rows)


def _share(n_in: NDArray[np.int64], n_trials: int) -> str:
    return f"{n_in.mean() / n_trials:.6f}".rstrip("0").rstrip(".")
