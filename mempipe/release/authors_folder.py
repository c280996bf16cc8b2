"""Reads a folder that has only npz files in the format of the paper's authors, without a manifest.

`mempipe.release.authors_format` says what each file holds. There are no counts of trials in them, so there are no
standard errors and no held-out accuracy.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.errors import InputError, ReleaseQuestionError
from mempipe.release.authors_arrays import AuthorsScores, column, damaged, positions_of, read_scores, require_within
from mempipe.release.manifest import Thresholds
from mempipe.release.npz import NpzReader
from mempipe.scores.pairs import require_thresholds

NO_COUNTS: Final = "these files have no counts of trials, so there are no standard errors and no held-out accuracy"
"""What a reader of such files must know."""

_PAIRS: Final = re.compile(r"(?P<name>.*)_high_infl_pairs_infl(?P<infl>[^_]+)_mem(?P<mem>[^_]+)\.npz")
_ROUNDING: Final = 1e-6  # mem may have been rounded to float32 on its way

Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


class AuthorsFolder:
    """The files of one data set; each is read when it is asked for.

    Attributes:
        folder: where they lie.
        files: by kind: `matrix`, `pairs`, `index`; at least one.
    """

    def __init__(self, folder: Path, files: dict[str, Path]) -> None:
        """Take the files that `mempipe.release.find_authors.find_authors_files` found."""
        self.folder = folder
        self.files = files

    @property
    def name(self) -> str:
        """The data set's name, with which the files' names begin."""
        base = self.files.get("matrix") or self.files.get("index")
        if base is not None:
            return base.name.removesuffix("_infl_matrix.npz").removesuffix("_index.npz")
        match = _PAIRS.fullmatch(self.files["pairs"].name)
        return match["name"] if match else self.folder.name

    @cached_property
    def thresholds(self) -> Thresholds | None:
        """Those that the pairs file's name says, down to which it is complete; None without a pairs file.

        Raises:
            InputError: the name does not say them.
        """
        path = self.files.get("pairs")
        if path is None:
            return None
        match = _PAIRS.fullmatch(path.name)
        try:
            infl, mem = (float(match[key]) for key in ("infl", "mem")) if match else (np.nan, np.nan)
        except ValueError:
            infl, mem = np.nan, np.nan
        if not (-1 <= infl <= 1 and -1 <= mem <= 1):
            raise InputError(
                f"Thresholds of the pairs are unknown: {path} name is {path.name}, "
                "expected NAME_high_infl_pairs_inflX_memY.npz with numbers in [-1, 1].",
                hint="restore the name that the file was published with.",
            )
        return Thresholds(mem=mem, infl=infl)

    @property
    def has_pairs(self) -> bool:
        """Whether these files can tell pairs at all: an index file alone cannot."""
        return "pairs" in self.files or "matrix" in self.files

    @cached_property
    def scores(self) -> AuthorsScores | None:
        """Labels and memorization, from the matrix or else the index file; None where there is a pairs file only.

        Raises:
            ReleaseError: a file is damaged.
            InputError: the matrix and the index file are of different data sets.
        """
        read = [read_scores(self.files[kind]) for kind in ("matrix", "index") if kind in self.files]
        if len(read) == 2:
            self._require_equal(*read)
        return read[0] if read else None

    def require_scores(self) -> AuthorsScores:
        """Return `scores`.

        Raises:
            InputError: there is a pairs file only, or the files are of different data sets.
            ReleaseError: a file is damaged.
        """
        if self.scores is None:
            raise InputError(
                f"Labels and memorization are unknown: {self.folder} has no *_infl_matrix.npz and no *_index.npz, "
                "expected one of them.",
                hint="put one beside the pairs file; `mempipe pairs` reads a pairs file alone.",
            )
        return self.scores

    @cached_property
    def filenames(self) -> tuple[list[str], list[str]] | None:
        """Names of the training and of the test images' files, from the index file; None without one.

        Raises:
            ReleaseError: the file is damaged.
        """
        path = self.files.get("index")
        if path is None:
            return None
        scores = self.require_scores()
        with NpzReader(path, source=str(path)) as archive:
            parts = [column(archive, key, "names") for key in ("tr_filenames", "tt_filenames")]
        for key, part, labels in zip(("tr", "tt"), parts, (scores.train_labels, scores.test_labels), strict=True):
            if part.shape != labels.shape:
                damaged(path, f"{key}_filenames is {part.shape}, expected {labels.shape} as {key}_labels")
        train, test = ([_text(name) for name in part.tolist()] for part in parts)
        return train, test

    def select_pairs(self, *, mem: float = 0.25, infl: float = 0.15, same_label: bool = True) -> pa.Table:
        """Select the high-influence pairs of equal labels.

        The pairs file answers at and above the thresholds of its name; the matrices answer at any. Their influences
        are float32, which does not tell a threshold from a value less than 1e-7 below it: both are selected, unless
        the pairs file tells them apart.

        Args:
            mem: least memorization of the training example.
            infl: least influence on the test example.
            same_label: must be true: the format has no other pairs.

        Returns:
            `tr_idx`, `tt_idx` int64, `label`, `tt_label` int64 (absent where there is a pairs file only), `infl`, `mem`
            float64; by descending influence, then positions. An influence that only a matrix has is the shortest
            decimal that stands for its float32: 0.7, not 0.699999988. So of pairs selected at low thresholds those at
            higher ones are selected as if they had been asked for.

        Raises:
            InputError: a threshold is no number in [-1, 1], or the files are of different data sets.
            ReleaseQuestionError: the files do not hold these pairs.
            ReleaseError: a file is damaged.
        """
        require_thresholds(mem=mem, infl=infl)
        if not same_label:
            raise ReleaseQuestionError(
                f"Pairs of different labels are not in the authors' format: {self.folder} has pairs of equal labels, "
                "expected a release with `influence: full`.",
                hint="leave --any-label away, or ask a release that counted all pairs.",
            )
        known = self.thresholds
        if known is not None and mem >= known.mem and infl >= known.infl:
            pairs = self._listed
            return pairs.filter((pairs["mem"].to_numpy() >= mem) & (pairs["infl"].to_numpy() >= infl))
        if "matrix" in self.files:
            tr_idx, tt_idx, found = self._as_listed(*_joined(self._from_matrices(mem, infl)))
            chosen = found >= infl
            return self._table(tr_idx[chosen], tt_idx[chosen], found[chosen])
        if known is None:
            raise ReleaseQuestionError(
                f"Pairs are unknown: {self.folder} has no *_infl_matrix.npz and no *_high_infl_pairs_*.npz, "
                "expected one of them.",
                hint="put one beside the index file.",
            )
        raise ReleaseQuestionError(
            f"Pairs cannot be given: threshold mem is {mem:g} and infl is {infl:g}, expected at least {known.mem:g} "
            f"and {known.infl:g}, down to which {self.files['pairs']} holds them.",
            hint=f"ask for --mem {max(mem, known.mem):g} --infl {max(infl, known.infl):g}, or put the "
            "*_infl_matrix.npz of the data set beside it.",
        )

    @cached_property
    def _listed(self) -> pa.Table:
        """The pairs of the pairs file, of equal labels where the labels are known."""
        path, scores = self.files["pairs"], self.scores
        with NpzReader(path, source=str(path)) as archive:
            tr_idx, tt_idx = (column(archive, key, "integers") for key in ("tr_idx", "tt_idx"))
            infl, mem = (column(archive, key, "floats") for key in ("infl", "mem"))
        if not tr_idx.size == tt_idx.size == infl.size == mem.size:
            sizes = f"{tr_idx.size}, {tt_idx.size}, {infl.size}, {mem.size}"
            damaged(path, f"tr_idx, tt_idx, infl, mem have {sizes} values, expected equally many")
        if scores is None:
            require_within(path, "tr_idx", tr_idx, None)
            require_within(path, "tt_idx", tt_idx, None)
        else:
            require_within(path, "tr_idx", tr_idx, scores.mem.size)
            require_within(path, "tt_idx", tt_idx, scores.test_labels.size)
            differ = np.flatnonzero(~(np.abs(mem - scores.mem[tr_idx]) <= _ROUNDING))
            if differ.size:
                i = tr_idx[differ[0]]
                raise InputError(
                    f"Files are of different scores: {path} mem of training example {i} is {mem[differ[0]]:g}, "
                    f"expected {scores.mem[i]:g} as in the file beside it.",
                    hint="put files of one data set and one computation into one folder.",
                )
            mem = scores.mem[tr_idx]
            same = scores.train_labels[tr_idx] == scores.test_labels[tt_idx]
            tr_idx, tt_idx, infl, mem = tr_idx[same], tt_idx[same], infl[same], mem[same]
        return self._table(tr_idx, tt_idx, infl, mem)

    def _from_matrices(self, mem: float, infl: float) -> Iterator[Found]:
        """Yield the pairs of each class; a few rows of a matrix are in memory at once."""
        scores, path = self.require_scores(), self.files["matrix"]
        with NpzReader(path, source=str(path)) as archive:
            for label in np.intersect1d(scores.train_labels, scores.test_labels).tolist():
                tr_idx = positions_of(archive, f"tr_classidx_{label}", scores.train_labels, label)
                tt_idx = positions_of(archive, f"tt_classidx_{label}", scores.test_labels, label)
                matrix, expected = f"infl_matrix_class{label}", (tr_idx.size, tt_idx.size)
                shape, dtype = archive.shape(matrix)
                if shape != expected or dtype.kind != "f":
                    damaged(path, f"{matrix} is {dtype} {shape}, expected floats {expected}")
                position = 0
                for band in archive.bands(matrix):
                    rows = tr_idx[position : position + len(band)]
                    position += len(band)
                    r, j = np.nonzero((band >= dtype.type(infl)) & (scores.mem[rows] >= mem)[:, None])
                    yield rows[r], tt_idx[j], band[r, j].astype(np.str_).astype(np.float64)

    def _as_listed(self, tr_idx: NDArray[np.int64], tt_idx: NDArray[np.int64], infl: NDArray[np.float64]) -> Found:
        """Return pairs of the matrices with the float64 influences of the pairs file, where there is one.

        What it leaves out although its mem suffices is below its influence threshold, be it by a rounding.
        """
        known, scores = self.thresholds, self.require_scores()
        if known is None:
            return tr_idx, tt_idx, infl
        listed, n_test = self._listed, scores.test_labels.size
        keys = listed["tr_idx"].to_numpy() * n_test + listed["tt_idx"].to_numpy()
        _, here, there = np.intersect1d(tr_idx * n_test + tt_idx, keys, return_indices=True)
        exact = np.where(scores.mem[tr_idx] >= known.mem, np.minimum(infl, np.nextafter(known.infl, -2)), infl)
        exact[here] = listed["infl"].to_numpy()[there]
        differ = np.flatnonzero(np.abs(exact - infl) > _ROUNDING)
        if differ.size:
            pair = differ[0]
            raise InputError(
                f"Files are of different scores: {self.files['matrix']} infl of training example {tr_idx[pair]} on "
                f"test example {tt_idx[pair]} is {infl[pair]:g}, which {self.files['pairs'].name} does not have, "
                "expected the same pairs in both.",
                hint="put files of one data set and one computation into one folder.",
            )
        return tr_idx, tt_idx, exact

    def _table(
        self,
        tr_idx: NDArray[np.int64],
        tt_idx: NDArray[np.int64],
        infl: NDArray[np.float64],
        mem: NDArray[np.float64] | None = None,
    ) -> pa.Table:
        order = np.lexsort((tt_idx, tr_idx, -infl))
        tr_idx, tt_idx = tr_idx[order], tt_idx[order]
        columns: dict[str, NDArray[Any]] = {"tr_idx": tr_idx, "tt_idx": tt_idx}
        if self.scores is not None:
            columns |= {"label": self.scores.train_labels[tr_idx], "tt_label": self.scores.test_labels[tt_idx]}
        columns["infl"] = infl[order]
        columns["mem"] = self.require_scores().mem[tr_idx] if mem is None else mem[order]
        return pa.table(columns)

    def _require_equal(self, matrix: AuthorsScores, index: AuthorsScores) -> None:
        differ = [
            name
            for name, equal in {
                "tr_labels": np.array_equal(matrix.train_labels, index.train_labels),
                "tt_labels": np.array_equal(matrix.test_labels, index.test_labels),
                "tr_mem": matrix.mem.shape == index.mem.shape
                and np.allclose(matrix.mem, index.mem, rtol=0, atol=_ROUNDING, equal_nan=True),
            }.items()
            if not equal
        ]
        if differ:
            raise InputError(
                f"Files are of different scores: {self.files['index']} {differ[0]} is another than in "
                f"{self.files['matrix'].name}, expected the same.",
                hint="put files of one data set and one computation into one folder.",
            )


def _joined(parts: Iterator[Found]) -> Found:
    none = np.empty(0, dtype=np.int64)
    tr_idx, tt_idx, infl = zip((none, none, np.empty(0)), *parts, strict=True)
    return np.concatenate(tr_idx), np.concatenate(tt_idx), np.concatenate(infl)


def _text(name: bytes | str) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name
