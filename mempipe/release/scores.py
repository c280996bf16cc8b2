"""The interface of scores, whether a release holds them or files in the format of the paper's authors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.errors import ReleaseQuestionError
from mempipe.release.manifest import DataSource, Manifest, Thresholds
from mempipe.release.subset_design import SubsetDesign
from mempipe.scores.tally import Scope, TrialSet
from mempipe.tables.parquet import has_values
from mempipe.tables.schema import TABLES

_NULL_WHERE_ABSENT: Final = frozenset(
    column.name
    for table in TABLES.values()
    for column in table
    if column.since or (column.optional and not column.nullable)
)
"""Columns that are null in every row where the file lacks them; a null of the others says something: not odd."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InfluenceMatrix:
    """Influence of some training examples on some test examples.

    Attributes:
        tr_idx, tt_idx: int64, ascending; positions of rows and columns in the data set's own order.
        infl: float64 [train, test]; NaN in the rows of examples that every trial saw, or none.
    """

    tr_idx: NDArray[np.int64]
    tt_idx: NDArray[np.int64]
    infl: FloatArray


@dataclass(frozen=True)
class ScoreFile:
    """A file that holds scores, or describes them.

    Attributes:
        path: relative to `Scores.uri`.
        n_bytes: its size.
        sha256: of its bytes; None where no manifest states it.
        local: returns the file on this machine, fetched if need be; it lasts as long as the scores that it is of.
    """

    path: str
    n_bytes: int
    sha256: str | None
    local: Callable[[], Path]


class Scores(ABC):
    """Memorization and influence of one data set; `mempipe.open_scores` opens them.

    Tables have the columns of docs/release-format.md. A column that the source does not have is null in every row;
    `unknown` lists those that sources of its kind never have. A question that the source cannot answer raises
    `ReleaseQuestionError`.

    Attributes:
        uri: where they lie.
        name: of the release, or with which the authors' files begin.
        manifest: of the release; None of the authors' files.
        n_trials: how many models were trained; None where unknown.
        data: the data set; its fingerprint is None where unknown.
        subsets: how the trials' subsets were drawn.
        thresholds: with which `pairs` was selected.
        scope: which pairs have an influence: those of equal labels, or all.
        spec: the resolved spec of the run; None where there was none.
        unknown: columns that are null in every row of `examples`, `test_examples` and `pairs`.
        has_pairs: whether pairs are known at all.
        has_influence: whether `influence` is known, and so pairs below `thresholds`.
    """

    uri: str
    name: str
    manifest: Manifest | None = None
    n_trials: int | None = None
    data: DataSource
    subsets: SubsetDesign
    thresholds: Thresholds
    scope: Scope = Scope.CLASS
    spec: dict[str, Any] | None = None
    unknown: frozenset[str] = frozenset()
    has_pairs: bool = True
    has_influence: bool = True

    @property
    @abstractmethod
    def id(self) -> str:
        """Name with digits of a digest of the content: equal scores have equal ids."""

    @abstractmethod
    def table(self, name: str) -> pa.Table:
        """Read one of the tables below.

        Raises:
            ReleaseQuestionError: it is not known.
            ReleaseError: a file is missing or damaged.
        """

    @property
    @abstractmethod
    def files(self) -> tuple[ScoreFile, ...]:
        """The files that hold all this."""

    @property
    @abstractmethod
    def trial_set(self) -> TrialSet | None:
        """Which trials were counted; None where unknown."""

    @abstractmethod
    def influence(self, label: int, *, same_label: bool = True) -> InfluenceMatrix:
        """Return the influence of the training examples of one class.

        Args:
            label: of the training examples.
            same_label: on the test examples of this label; else on all.

        Raises:
            ReleaseQuestionError: there is no such class, or the scores are not known.
            ReleaseError: a file is missing or damaged.
        """

    @abstractmethod
    def influence_standard_error(self, label: int, *, same_label: bool = True) -> FloatArray:
        """Return the standard error of `influence(label).infl`, of the same shape; NaN where unknown."""

    @abstractmethod
    def influences(self) -> Iterator[InfluenceMatrix]:
        """Yield the influences of all pairs of `scope`, each pair once: a class, or some rows of it, at a time."""

    @abstractmethod
    def select_pairs(self, *, mem: float = 0.25, infl: float = 0.15, same_label: bool = True) -> pa.Table:
        """Select high-influence pairs at any thresholds.

        Args:
            mem: least memorization of the training example.
            infl: least influence on the test example.
            same_label: only pairs of equal labels; else of any.

        Returns:
            A table like `pairs`: by descending influence, then positions.

        Raises:
            InputError: a threshold is no number in [-1, 1].
            ReleaseQuestionError: these pairs are not known.
            ReleaseError: a file is missing or damaged.
        """

    @cached_property
    def examples(self) -> pa.Table:
        """Scores and counts of the training examples, one row each, in the data set's order."""
        return self.table("examples")

    @cached_property
    def test_examples(self) -> pa.Table:
        """Counts of the test examples, one row each, in the data set's order."""
        return self.table("test_examples")

    @cached_property
    def pairs(self) -> pa.Table:
        """High-influence pairs at `thresholds`, by descending influence."""
        return self.table("pairs")

    @cached_property
    def classes(self) -> pa.Table:
        """One row for each class."""
        return self.table("classes")

    @cached_property
    def trials(self) -> pa.Table:
        """One row for each trial: accuracies, and where known time and hardware; no row where trials are unknown."""
        return self.table("trials")

    @cached_property
    def mem(self) -> FloatArray:
        """Memorization, float64 (n_train,); NaN where every trial saw the example, or none."""
        return _array(self.examples, "mem")

    @cached_property
    def mem_se(self) -> FloatArray:
        """Standard error of `mem`, float64 (n_train,); NaN where `mem` is, or where it is unknown."""
        return _array(self.examples, "mem_se")

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Labels of the training examples, int64 (n_train,)."""
        return _array(self.examples, "label")

    @cached_property
    def test_labels(self) -> NDArray[np.int64]:
        """Labels of the test examples, int64 (n_test,)."""
        return _array(self.test_examples, "label")

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, by label; the labels themselves where names are unknown."""
        return [str(name) for name in self.classes["name"].to_pylist()]

    @property
    def n_train(self) -> int:
        """How many training examples there are."""
        return self.labels.size

    @property
    def n_test(self) -> int:
        """How many test examples there are."""
        return self.test_labels.size

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    def known(self, table: pa.Table) -> pa.Table:
        """Return one of the tables without the columns of `unknown`, and without those that its file lacks."""
        absent = self.unknown | {name for name in _NULL_WHERE_ABSENT if not has_values(table, name)}
        return table.drop_columns([name for name in table.column_names if name in absent])

    def require_label(self, label: int) -> None:
        """Refuse a value that is not a label.

        Raises:
            ReleaseQuestionError: there is no such class.
        """
        if not 0 <= label < self.n_classes:
            raise ReleaseQuestionError(
                f"Influence cannot be given: label is {label}, expected 0 to {self.n_classes - 1}.",
                hint="`classes` lists labels and names.",
            )


def _array(table: pa.Table, column: str) -> NDArray[Any]:
    values: NDArray[Any] = table[column].to_numpy()  # null becomes NaN
    return values
