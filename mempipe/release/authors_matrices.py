"""The influence matrices of the authors' files: one class at a time, in exact decimals and in the data set's order."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mempipe.npz import NpzReader
from mempipe.release.authors_arrays import (
    ROUNDING,
    AuthorsPairs,
    AuthorsScores,
    damaged,
    different_scores,
    positions_of,
    shortest_decimals,
)
from mempipe.release.manifest import Thresholds
from mempipe.release.scores import InfluenceMatrix


class AuthorsMatrices:
    """A matrix file, kept open: its table of contents alone is long.

    Attributes:
        labels: ascending; those of both training and test examples, whose matrices are not empty.
    """

    def __init__(self, path: Path, scores: AuthorsScores) -> None:
        """Open the file; `scores` are its labels and memorization.

        Raises:
            ReleaseError: the file is damaged.
        """
        self._archive = NpzReader(path, source=str(path))
        self._scores = scores
        self.labels: list[int] = np.intersect1d(scores.train_labels, scores.test_labels).tolist()

    def read(self, label: int, rows: NDArray[np.bool_]) -> InfluenceMatrix:
        """Read the matrix of one class.

        Args:
            label: of the class; a matrix without rows or columns is not looked for in the file.
            rows: bool (n_train,); which training examples of the class are returned.

        Raises:
            ReleaseError: the file is damaged.
        """
        archive, name = self._archive, f"infl_matrix_class{label}"
        train_labels, test_labels = self._scores.train_labels, self._scores.test_labels
        tr_idx, tt_idx = np.flatnonzero((train_labels == label) & rows), np.flatnonzero(test_labels == label)
        infl = np.empty((tr_idx.size, tt_idx.size))
        if infl.size:
            stored = positions_of(archive, f"tr_classidx_{label}", train_labels, label)
            columns = positions_of(archive, f"tt_classidx_{label}", test_labels, label)
            (shape, dtype), expected = archive.shape(name), (stored.size, columns.size)
            if shape != expected or dtype.kind != "f":
                damaged(archive.source, f"{name} is {dtype} {shape}, expected floats {expected}")
            order, start = np.argsort(columns), 0
            for band in archive.bands(name):
                positions = stored[start : start + len(band)]
                start += len(band)
                selected = rows[positions]
                infl[np.searchsorted(tr_idx, positions[selected])] = shortest_decimals(band[selected][:, order])
        return InfluenceMatrix(tr_idx, tt_idx, infl)


def replace_listed(
    matrix: InfluenceMatrix,
    mem: NDArray[np.float64],
    pairs: AuthorsPairs,
    limits: Thresholds,
    *,
    files: tuple[Path, Path],
) -> InfluenceMatrix:
    """Return a class's matrix with the float64 influences of the pairs file.

    A pair that the file leaves out although its mem suffices is below the influence threshold, be it by a rounding.

    Args:
        matrix: of the class.
        mem: float64 (n_train,).
        pairs: of the pairs file.
        limits: its thresholds.
        files: matrix and pairs file, for messages.

    Raises:
        InputError: matrix and pairs file are of different scores.
    """
    listed = np.isin(pairs.tr_idx, matrix.tr_idx)
    exact, memorized = matrix.infl.copy(), mem[matrix.tr_idx] >= limits.mem
    exact[memorized] = np.minimum(exact[memorized], np.nextafter(limits.infl, -2))
    i, j = np.searchsorted(matrix.tr_idx, pairs.tr_idx[listed]), np.searchsorted(matrix.tt_idx, pairs.tt_idx[listed])
    exact[i, j] = pairs.infl[listed]
    differ = np.argwhere(np.abs(exact - matrix.infl) > ROUNDING)
    if differ.size:
        i, j = differ[0]
        different_scores(
            f"{files[0]} infl of training example {matrix.tr_idx[i]} on test example {matrix.tt_idx[j]} is "
            f"{matrix.infl[i, j]:g}, which {files[1].name} does not have, expected the same pairs in both."
        )
    return InfluenceMatrix(matrix.tr_idx, matrix.tt_idx, exact)
