"""Arrays of the authors' files, each checked when it is read: kind, shape, range."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.errors import InputError, ReleaseError
from mempipe.npz import NpzReader
from mempipe.tables.parquet import table_schema

ROUNDING: Final = 1e-6
"""By how much scores in two files may differ: one may have been rounded to float32."""

_LARGEST_LABEL: Final = 2**20
_KINDS: Final = {"integers": ("iu", np.int64), "floats": ("f", np.float64), "names": ("SU", None)}


@dataclass(frozen=True, eq=False)
class AuthorsScores:
    """Labels and memorization.

    Attributes:
        train_labels: int64 (n_train,).
        test_labels: int64 (n_test,).
        mem: float64 (n_train,); NaN where undefined.
    """

    train_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    mem: NDArray[np.float64]

    @property
    def n_classes(self) -> int:
        """The largest label and one more; 0 without examples."""
        return (
            int(max((labels.max() for labels in (self.train_labels, self.test_labels) if labels.size), default=-1)) + 1
        )


@dataclass(frozen=True, eq=False)
class AuthorsPairs:
    """Pairs in no stated order.

    Attributes:
        tr_idx, tt_idx: int64 (n_pairs,).
        infl, mem: float64 (n_pairs,).
    """

    tr_idx: NDArray[np.int64]
    tt_idx: NDArray[np.int64]
    infl: NDArray[np.float64]
    mem: NDArray[np.float64]


def read_scores(path: Path) -> AuthorsScores:
    """Read labels and memorization from a matrix or an index file.

    Raises:
        ReleaseError: the file is damaged, or a label is none.
    """
    with NpzReader(path, source=str(path)) as archive:
        labels = [column(archive, key, "integers") for key in ("tr_labels", "tt_labels")]
        mem = column(archive, "tr_mem", "floats")
    for key, part in zip(("tr_labels", "tt_labels"), labels, strict=True):
        wrong = part[(part < 0) | (part >= _LARGEST_LABEL)]
        if wrong.size:
            damaged(path, f"{key} has {wrong[0]}, expected labels from 0 to {_LARGEST_LABEL - 1}")
    if mem.shape != labels[0].shape:
        damaged(path, f"tr_mem is {mem.shape}, expected {labels[0].shape} as tr_labels")
    return AuthorsScores(labels[0], labels[1], mem)


def read_pairs(path: Path, scores: AuthorsScores | None) -> AuthorsPairs:
    """Read a pairs file.

    Args:
        path: the file.
        scores: of the file beside it; with them, only the pairs of equal labels are returned. None where unknown.

    Raises:
        ReleaseError: the file is damaged.
        InputError: it is of other scores.
    """
    with NpzReader(path, source=str(path)) as archive:
        tr_idx, tt_idx = (column(archive, key, "integers") for key in ("tr_idx", "tt_idx"))
        infl, mem = (column(archive, key, "floats") for key in ("infl", "mem"))
    if not tr_idx.size == tt_idx.size == infl.size == mem.size:
        sizes = f"{tr_idx.size}, {tt_idx.size}, {infl.size}, {mem.size}"
        damaged(path, f"tr_idx, tt_idx, infl, mem have {sizes} values, expected equally many")
    require_within(path, "tr_idx", tr_idx, None if scores is None else scores.mem.size)
    require_within(path, "tt_idx", tt_idx, None if scores is None else scores.test_labels.size)
    if scores is None:
        return AuthorsPairs(tr_idx, tt_idx, infl, mem)
    differ = np.flatnonzero(~(np.abs(mem - scores.mem[tr_idx]) <= ROUNDING))
    if differ.size:
        i = tr_idx[differ[0]]
        different_scores(
            f"{path} mem of training example {i} is {mem[differ[0]]:g}, expected {scores.mem[i]:g} as in the file "
            "beside it."
        )
    same = scores.train_labels[tr_idx] == scores.test_labels[tt_idx]
    tr_idx = tr_idx[same]
    return AuthorsPairs(tr_idx, tt_idx[same], infl[same], scores.mem[tr_idx])


def read_filenames(path: Path, part: Literal["tr", "tt"], labels: NDArray[np.int64]) -> list[str]:
    """Read the names of the training or of the test images' files from an index file.

    Raises:
        ReleaseError: the file is damaged.
    """
    with NpzReader(path, source=str(path)) as archive:
        names = column(archive, f"{part}_filenames", "names")
    if names.shape != labels.shape:
        damaged(path, f"{part}_filenames is {names.shape}, expected {labels.shape} as {part}_labels")
    return [name.decode(errors="replace") if isinstance(name, bytes) else name for name in names.tolist()]


def require_equal(matrix: AuthorsScores, index: AuthorsScores, *, files: tuple[Path, Path]) -> None:
    """Refuse a matrix and an index file of different scores.

    Raises:
        InputError: labels or memorization differ.
    """
    equal = {
        "tr_labels": np.array_equal(matrix.train_labels, index.train_labels),
        "tt_labels": np.array_equal(matrix.test_labels, index.test_labels),
        "tr_mem": matrix.mem.shape == index.mem.shape
        and np.allclose(matrix.mem, index.mem, rtol=0, atol=ROUNDING, equal_nan=True),
    }
    for name, same in equal.items():
        if not same:
            different_scores(f"{files[1]} {name} is another than in {files[0].name}, expected the same.")


def shortest_decimals(array: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the shortest decimal that rounds to each score, to ten places: of float32(0.7) it is 0.7.

    Args:
        array: floats of any shape, in [-1, 1] or NaN.
    """
    exact = array.astype(np.float64)
    result, is_done = exact.copy(), np.zeros(array.shape, dtype=np.bool_)
    places = np.finfo(array.dtype).precision
    for n in range(places, places + 5):
        rounded = exact.round(n)
        hit = ~is_done & (rounded.astype(array.dtype) == array)
        result[hit] = rounded[hit]
        is_done |= hit
    return result


def table_of_known(name: str, columns: dict[str, Any], n_rows: int) -> pa.Table:
    """Return a table of the release's schema: NaN is null, and so is every value of a column that is not given.

    Args:
        name: of the table.
        columns: values of those that are known.
        n_rows: length of the table.
    """
    schema = table_schema(name)
    fields = [field if field.name in columns else field.with_nullable(True) for field in schema]
    arrays = [
        pa.array(columns[field.name], field.type, from_pandas=True)
        if field.name in columns
        else pa.nulls(n_rows, field.type)
        for field in fields
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=schema.metadata))


def column(archive: NpzReader, name: str, values: str) -> NDArray[Any]:
    """Read an array (n,).

    Args:
        archive: the file.
        name: of the array.
        values: `integers` (returned as int64), `floats` (as float64) or `names` (as they are).

    Raises:
        ReleaseError: there is no such array, or it is of another kind.
    """
    kinds, dtype = _KINDS[values]
    array = archive.read(name)
    if array.ndim != 1 or array.dtype.kind not in kinds:
        damaged(archive.source, f"{name} is {array.dtype} {array.shape}, expected {values} (n,)")
    return array if dtype is None else array.astype(dtype)


def positions_of(archive: NpzReader, name: str, labels: NDArray[np.int64], label: int) -> NDArray[np.int64]:
    """Read the positions of one class, int64 (n of that label,), in the file's own order.

    Raises:
        ReleaseError: they are not the positions that have this label.
    """
    positions: NDArray[np.int64] = column(archive, name, "integers")
    expected = np.flatnonzero(labels == label)
    if not np.array_equal(np.sort(positions), expected):
        damaged(archive.source, f"{name} has {positions.size} positions, expected the {expected.size} of label {label}")
    return positions


def require_within(path: Path, name: str, positions: NDArray[np.int64], n: int | None) -> None:
    """Refuse positions below 0, and where `n` is known those that are not below it.

    Raises:
        ReleaseError: a position is negative.
        InputError: a position is beyond the labels.
    """
    if not positions.size:
        return
    if positions.min() < 0:
        damaged(path, f"{name} has {positions.min()}, expected positions from 0")
    if n is not None and positions.max() >= n:
        different_scores(
            f"{path} {name} has {positions.max()}, expected below {n}, the number of labels in the file beside it."
        )


def damaged(source: Path | str, problem: str) -> NoReturn:
    """Raise the error of a damaged file; `problem` says what is there and what was expected."""
    raise ReleaseError(f"File is damaged: {source} {problem}.", hint="fetch it again, or make it again.")


def different_scores(problem: str) -> NoReturn:
    """Raise the error of files that do not belong together; `problem` says what is there and what was expected."""
    raise InputError(
        f"Files are of different scores: {problem}",
        hint="put files of one data set and one computation into one folder.",
    )
