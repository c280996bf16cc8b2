"""Reads a folder that has only npz files in the format of the paper's authors, without a manifest.

`mempipe.release.formats` describes the files. They have no counts of trials, so there are no standard errors and
no held-out accuracy.
"""

import hashlib
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.errors import InputError, ReleaseQuestionError
from mempipe.release.authors_arrays import (
    AuthorsPairs,
    AuthorsScores,
    read_filenames,
    read_pairs,
    read_scores,
    require_equal,
    table_of_known,
)
from mempipe.release.authors_matrices import AuthorsMatrices, replace_listed
from mempipe.release.manifest import DataSource, Thresholds, hash_file
from mempipe.release.scores import FloatArray, InfluenceMatrix, ScoreFile, Scores
from mempipe.release.subset_design import SubsetDesign
from mempipe.release.tables import classes_table
from mempipe.scores.pairs import require_thresholds

NO_COUNTS: Final = "these files have no counts of trials, so there are no standard errors and no held-out accuracy"
"""A note for readers of such files."""

_PAIRS: Final = re.compile(r"(?P<name>.*)_high_infl_pairs_infl(?P<infl>[^_]+)_mem(?P<mem>[^_]+)\.npz")
_NOT_IN_FILES: Final = frozenset(
    {"mem_se", "infl_se", "n_in", "n_out", "correct_in", "correct_out", "heldout_accuracy"}
    | {"n_trials", "n_correct", "accuracy"}
)
_LABELS: Final = frozenset({"label", "tt_label"})


class AuthorsFolder(Scores):
    """The files of one data set; each is read when it is needed.

    The matrices' influences are float32. Here each is the shortest decimal that rounds to it, 0.7 and not 0.699999988,
    so that a threshold selects what it selects of exact influences. A value less than 1e-7 below a threshold cannot be
    distinguished from it, except with a pairs file: its influences are float64 and replace those of the matrices.

    Attributes:
        folder: where the files lie.
        paths: by kind: `matrix`, `pairs`, `index`; at least one.
    """

    def __init__(self, folder: Path, paths: dict[str, Path]) -> None:
        """Take the files that `mempipe.release.open_scores.find_authors_files` found.

        Raises:
            InputError: the name of the pairs file does not state its thresholds.
        """
        self.folder = folder.absolute()
        self.paths = paths
        self.uri = str(self.folder)
        self.name, self.thresholds = _name_and_thresholds(paths)
        self.data = DataSource(name=self.name)
        self.subsets = SubsetDesign(design="unknown")
        self.has_influence = "matrix" in paths
        self.has_pairs = self.has_influence or "pairs" in paths
        self.has_labels = self.has_influence or "index" in paths
        self.unknown = (
            _NOT_IN_FILES
            | (frozenset() if self.has_labels else _LABELS)
            | (frozenset() if self.has_pairs else frozenset({"n_pairs"}))
        )

    @cached_property
    def id(self) -> str:
        """NAME-authors-DIGITS: of the SHA-256 of the matrix file, or of the other files where there is none."""
        paths = [self.paths["matrix"]] if self.has_influence else [self.paths[kind] for kind in sorted(self.paths)]
        digest = hashlib.sha256("".join(hash_file(path)[0] for path in paths).encode()).hexdigest()
        return f"{self.name}-authors-{digest[:12]}"

    @property
    def files(self) -> tuple[ScoreFile, ...]:
        """The npz files."""
        return tuple(ScoreFile(path.name, path.stat().st_size, None, path.absolute) for path in self.paths.values())

    @property
    def trial_set(self) -> None:
        """The trials are unknown."""
        return None

    @property
    def class_names(self) -> list[str]:
        """The labels, as the format has no names."""
        return [str(label) for label in range(self._scores.n_classes)]

    def table(self, name: str) -> pa.Table:
        """Make one table from the files."""
        match name:
            case "examples":
                columns = {"mem": self._scores.mem} | self._filenames("tr", self._scores.train_labels)
                return _labeled(name, self._scores.train_labels, columns)
            case "test_examples":
                return _labeled(name, self._scores.test_labels, self._filenames("tt", self._scores.test_labels))
            case "pairs":
                return self.select_pairs(mem=self.thresholds.mem, infl=self.thresholds.infl)
            case "classes":
                return self._classes()
            case _:
                return table_of_known(name, {}, 0)

    def influence(self, label: int, *, same_label: bool = True) -> InfluenceMatrix:
        """Read the influence of one class; see `Scores.influence`."""
        self._require_influence(label, same_label=same_label)
        return self._matrix(label, np.ones(self._scores.mem.size, dtype=np.bool_))

    def influence_standard_error(self, label: int, *, same_label: bool = True) -> FloatArray:
        """Return NaN of the shape of `influence(label).infl`: the files have no counts."""
        self._require_influence(label, same_label=same_label)
        labels = self._scores.train_labels, self._scores.test_labels
        return np.full(tuple(int(np.count_nonzero(part == label)) for part in labels), np.nan)

    def influences(self) -> Iterator[InfluenceMatrix]:
        """Yield the influences of each class."""
        self._require_matrix()
        for label in self._matrices.labels:
            yield self.influence(label)

    def select_pairs(self, *, mem: float = 0.25, infl: float = 0.15, same_label: bool = True) -> pa.Table:
        """Select the high-influence pairs of equal labels; see `Scores.select_pairs`.

        The pairs file answers at and above the thresholds of its name, the matrices at any.
        """
        require_thresholds(mem=mem, infl=infl)
        if not same_label:
            raise self._any_label()
        limits = self.thresholds
        if "pairs" in self.paths and mem >= limits.mem and infl >= limits.infl:
            return self._pairs_table(self._listed, (self._listed.mem >= mem) & (self._listed.infl >= infl))
        if self.has_influence:
            return self._pairs_table(self._from_matrices(mem, infl))
        if not self.has_pairs:
            raise ReleaseQuestionError(
                f"Pairs are unknown: {self.folder} has no *_infl_matrix.npz and no *_high_infl_pairs_*.npz, "
                "expected one of them.",
                hint="put one beside the index file.",
            )
        raise ReleaseQuestionError(
            f"Pairs cannot be given: threshold mem is {mem:g} and infl is {infl:g}, expected at least {limits.mem:g} "
            f"and {limits.infl:g}, down to which {self.paths['pairs']} holds them.",
            hint=f"ask for --mem {max(mem, limits.mem):g} --infl {max(infl, limits.infl):g}, or put the "
            "*_infl_matrix.npz of the data set beside it.",
        )

    @cached_property
    def _scores(self) -> AuthorsScores:
        """Labels and memorization, from the matrix or else the index file."""
        read = [read_scores(self.paths[kind]) for kind in ("matrix", "index") if kind in self.paths]
        if not read:
            raise ReleaseQuestionError(
                f"Labels and memorization are unknown: {self.folder} has no *_infl_matrix.npz and no *_index.npz, "
                "expected one of them.",
                hint="put one beside the pairs file; `mempipe pairs` reads a pairs file alone.",
            )
        if len(read) == 2:
            require_equal(*read, files=(self.paths["matrix"], self.paths["index"]))
        return read[0]

    @cached_property
    def _listed(self) -> AuthorsPairs:
        """The pairs of the pairs file, of equal labels where the labels are known."""
        return read_pairs(self.paths["pairs"], self._scores if self.has_labels else None)

    @cached_property
    def _matrices(self) -> AuthorsMatrices:
        return AuthorsMatrices(self.paths["matrix"], self._scores)

    def _filenames(self, part: Literal["tr", "tt"], labels: NDArray[np.int64]) -> dict[str, list[str]]:
        return {"filename": read_filenames(self.paths["index"], part, labels)} if "index" in self.paths else {}

    def _classes(self) -> pa.Table:
        scores = self._scores
        table = classes_table(
            scores.mem,
            scores.train_labels,
            scores.test_labels,
            self.class_names,
            self.pairs["tr_idx"].to_numpy() if self.has_pairs else np.empty(0, dtype=np.int64),
            mem_threshold=self.thresholds.mem,
        )
        columns = {name: table[name].to_numpy() for name in self.known(table).column_names}
        return table_of_known("classes", columns, table.num_rows)

    def _from_matrices(self, mem: float, infl: float) -> AuthorsPairs:
        """Select pairs class by class."""
        memorized = self._scores.mem >= mem
        selected = [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))]
        for label in self._matrices.labels:
            matrix = self._matrix(label, memorized)
            i, j = np.nonzero(matrix.infl >= infl)
            selected.append((matrix.tr_idx[i], matrix.tt_idx[j], matrix.infl[i, j]))
        tr_idx, tt_idx, influences = (np.concatenate(parts) for parts in zip(*selected, strict=True))
        return AuthorsPairs(tr_idx, tt_idx, influences, self._scores.mem[tr_idx])

    def _matrix(self, label: int, rows: NDArray[np.bool_]) -> InfluenceMatrix:
        matrix = self._matrices.read(label, rows)
        if "pairs" not in self.paths or not matrix.infl.size:
            return matrix
        files = self.paths["matrix"], self.paths["pairs"]
        return replace_listed(matrix, self._scores.mem, self._listed, self.thresholds, files=files)

    def _pairs_table(self, pairs: AuthorsPairs, chosen: NDArray[np.bool_] | slice = slice(None)) -> pa.Table:
        tr_idx, tt_idx, infl, mem = (part[chosen] for part in (pairs.tr_idx, pairs.tt_idx, pairs.infl, pairs.mem))
        order = np.lexsort((tt_idx, tr_idx, -infl))
        tr_idx, tt_idx = tr_idx[order], tt_idx[order]
        columns = {"tr_idx": tr_idx, "tt_idx": tt_idx, "infl": infl[order], "mem": mem[order]}
        if self.has_labels:
            columns |= {"label": self._scores.train_labels[tr_idx], "tt_label": self._scores.test_labels[tt_idx]}
        return table_of_known("pairs", columns, order.size)

    def _require_influence(self, label: int, *, same_label: bool) -> None:
        if not same_label:
            raise self._any_label()
        self._require_matrix()
        self.require_label(label)

    def _require_matrix(self) -> None:
        if not self.has_influence:
            raise ReleaseQuestionError(
                f"Influence is unknown: {self.folder} has no *_infl_matrix.npz, expected one.",
                hint="put the *_infl_matrix.npz of the data set beside the other files.",
            )

    def _any_label(self) -> ReleaseQuestionError:
        return ReleaseQuestionError(
            f"Pairs of different labels are not in the authors' format: {self.folder} has pairs of equal labels, "
            "expected a release with `influence: full`.",
            hint="leave --any-label away, or ask a release that counted all pairs.",
        )


def _labeled(name: str, labels: NDArray[np.int64], columns: dict[str, Any]) -> pa.Table:
    return table_of_known(name, {"idx": np.arange(labels.size), "label": labels} | columns, labels.size)


def _name_and_thresholds(paths: dict[str, Path]) -> tuple[str, Thresholds]:
    """Return what the files' names say: the data set, and the pairs file's thresholds or else the paper's."""
    base = paths.get("matrix") or paths.get("index")
    name = base.name.removesuffix("_infl_matrix.npz").removesuffix("_index.npz") if base is not None else ""
    if "pairs" not in paths:
        return name, Thresholds()
    path = paths["pairs"]
    match = _PAIRS.fullmatch(path.name)
    try:
        infl, mem = (float(match[key]) for key in ("infl", "mem")) if match else (np.nan, np.nan)
    except ValueError:
        infl, mem = np.nan, np.nan
    if match is None or not (-1 <= infl <= 1 and -1 <= mem <= 1):
        raise InputError(
            f"Thresholds of the pairs are unknown: {path} name is {path.name}, "
            "expected NAME_high_infl_pairs_inflX_memY.npz with numbers in [-1, 1].",
            hint="restore the name that the file was published with.",
        )
    return name or match["name"], Thresholds(mem=mem, infl=infl)
