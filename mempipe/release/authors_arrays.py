"""Arrays of the authors' files, each checked when it is read: kind, shape, range."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import InputError, ReleaseError
from mempipe.release.npz import NpzReader

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
        raise InputError(
            f"Files are of different scores: {path} {name} has {positions.max()}, expected below {n}, the number of "
            "labels in the file beside it.",
            hint="put files of one data set and one computation into one folder.",
        )


def damaged(source: Path | str, problem: str) -> NoReturn:
    """Raise the error of a damaged file; `problem` says what is there and what was expected."""
    raise ReleaseError(f"File is damaged: {source} {problem}.", hint="fetch it again, or make it again.")
