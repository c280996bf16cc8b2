"""The tables of a release as data: every column with its type, unit, range and meaning.

To add a column: state it here with `since=MINOR_VERSION`, compute it in `mempipe.release.tables` (of the trials:
`mempipe.validation.quality`), and run `python -m mempipe.tables docs/release-format.md`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = 1
"""Of manifest, tables and tallies together; raised when something is removed, renamed, or changes type or meaning."""

MINOR_VERSION: Final = 1
"""Raised when a column, a file or a field of the manifest is added: readers ignore what they do not know."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: of the column.
        type: int64, float64, string or bool.
        unit: what one step of the value is.
        meaning: in one line.
        nullable: null where the value is undefined.
        in_digest: part of the content digest. Timings and hardware are not; nor is what follows from other columns and
            was added later, so that equal runs keep equal digests.
        optional: may be absent from the file.
        low, high: limits of the values, both included; None where there is no limit.
        above: `low` itself is excluded.
        since: minor version that added it.
    """

    name: str
    type: pa.DataType
    unit: str
    meaning: str
    nullable: bool = False
    in_digest: bool = True
    optional: bool = False
    low: int | None = None
    high: int | None = None
    above: bool = False
    since: int = 0

    @property
    def dtype(self) -> str:
        """The type as numpy and pandas call it."""
        return {"double": "float64"}.get(str(self.type), str(self.type))

    @property
    def required(self) -> bool:
        """Whether every file of this schema version has it."""
        return not self.optional and self.since == 0


_INT: Final = pa.int64()
_FLOAT: Final = pa.float64()
_TEXT: Final = pa.string()
_BOOL: Final = pa.bool_()
TYPES: Final = frozenset({_INT, _FLOAT, _TEXT, _BOOL})
"""Types of columns: readers of every version can digest these."""


_IDX = "position in the data set's own order"
_DIFFERENCE: Final = "probability difference"
_FILENAME: Final = Column(
    "filename", _TEXT, "file name", "relative name of the image file, or id (data sets with such names)", optional=True
)


def _counts(low: int) -> tuple[Column, Column]:
    return (
        Column("n_in", _INT, "trials", "trials that saw the training example", low=low),
        Column("n_out", _INT, "trials", "trials that did not see the training example", low=low),
    )


EXAMPLES: Final = (
    Column("idx", _INT, "index", f"training example: {_IDX}"),
    Column("label", _INT, "class", "its label"),
    Column(
        "mem",
        _FLOAT,
        _DIFFERENCE,
        "memorization; null if every or no trial saw it",
        nullable=True,
        low=-1,
        high=1,
    ),
    Column("mem_se", _FLOAT, _DIFFERENCE, "standard error of mem", nullable=True, low=0, above=True),
    *_counts(low=0),
    Column("correct_in", _INT, "trials", "trials that saw it and predict its label", low=0),
    Column("correct_out", _INT, "trials", "trials that did not see it and predict its label", low=0),
    Column(
        "heldout_accuracy",
        _FLOAT,
        "probability",
        "correct_out / n_out: the C-score at this subset ratio; null if every trial saw it",
        nullable=True,
        low=0,
        high=1,
    ),
    _FILENAME,
)

TEST_EXAMPLES: Final = (
    Column("idx", _INT, "index", f"test example: {_IDX}"),
    Column("label", _INT, "class", "its label"),
    Column("n_trials", _INT, "trials", "trials counted"),
    Column("n_correct", _INT, "trials", "trials that predict its label", low=0),
    Column("accuracy", _FLOAT, "probability", "n_correct / n_trials", low=0, high=1),
    _FILENAME,
)

PAIRS: Final = (
    Column("tr_idx", _INT, "index", f"training example: {_IDX}"),
    Column("tt_idx", _INT, "index", f"test example: {_IDX}"),
    Column("label", _INT, "class", "label of the training example"),
    Column("tt_label", _INT, "class", "label of the test example"),
    Column("infl", _FLOAT, _DIFFERENCE, "influence of the training on the test example", low=-1, high=1),
    Column("infl_se", _FLOAT, _DIFFERENCE, "standard error of infl", low=0, above=True),
    Column("mem", _FLOAT, _DIFFERENCE, "memorization of the training example", low=-1, high=1),
    Column("mem_se", _FLOAT, _DIFFERENCE, "standard error of mem", low=0, above=True),
    *_counts(low=1),
    Column(
        "correct_in",
        _INT,
        "trials",
        "trials that saw the training example and predict the test example's label",
        low=0,
    ),
    Column(
        "correct_out",
        _INT,
        "trials",
        "trials that did not see the training example and predict the test example's label",
        low=0,
    ),
)

CLASSES: Final = (
    Column("label", _INT, "class", "label"),
    Column("name", _TEXT, "name", "name of the class"),
    Column("n_train", _INT, "examples", "training examples of the class", low=0),
    Column("n_test", _INT, "examples", "test examples of the class", low=0),
    Column(
        "mean_mem",
        _FLOAT,
        _DIFFERENCE,
        "mean memorization over its defined scores",
        nullable=True,
        low=-1,
        high=1,
    ),
    Column("n_mem_above_threshold", _INT, "examples", "training examples with mem >= the release's threshold", low=0),
    Column("n_pairs", _INT, "pairs", "high-influence pairs whose training example is of the class", low=0),
    Column("n_undefined", _INT, "examples", "training examples without a score", low=0),
)

TRIALS: Final = (
    Column("trial", _INT, "index", "number of the trial"),
    Column("n_subset", _INT, "examples", "training examples that it saw"),
    Column(
        "train_accuracy_in",
        _FLOAT,
        "probability",
        "accuracy on the training examples that it saw",
        nullable=True,
        low=0,
        high=1,
    ),
    Column(
        "train_accuracy_out",
        _FLOAT,
        "probability",
        "accuracy on those that it did not see",
        nullable=True,
        low=0,
        high=1,
    ),
    Column("test_accuracy", _FLOAT, "probability", "accuracy on the test examples", low=0, high=1),
    Column(
        "odd",
        _BOOL,
        "flag",
        "valid, but unlike the other trials; counted all the same",
        nullable=True,
        optional=True,
    ),
    Column("odd_reason", _TEXT, "text", "what is odd about it", nullable=True, in_digest=False, optional=True),
    Column("seconds", _FLOAT, "seconds", "time to train it", nullable=True, in_digest=False, optional=True, low=0),
    Column("device", _TEXT, "name", "what it was trained on", nullable=True, in_digest=False, optional=True),
    Column("hardware", _TEXT, "key", "hardware key of the machine", nullable=True, in_digest=False, optional=True),
    Column("shard", _TEXT, "object", "prediction shard that holds it", nullable=True, in_digest=False, optional=True),
)

TABLES: Final = {
    "examples": EXAMPLES,
    "test_examples": TEST_EXAMPLES,
    "pairs": PAIRS,
    "classes": CLASSES,
    "trials": TRIALS,
}
"""Every table by name; its file is `<name>.parquet`."""

ESTIMATES: Final = {
    "examples": tuple(column for column in EXAMPLES if column.name in {"idx", "label", "mem", "mem_se"}),
    "pairs": tuple(column for column in PAIRS if not column.name.startswith(("n_", "correct_"))),
}
"""The tables of an estimator other than `plain`, which only some releases have: `<name>-<estimator>.parquet`."""


def estimates_tables(estimators: Iterable[str]) -> list[str]:
    """Return the names of the tables that these estimators add to `TABLES`."""
    return [f"{kind}-{estimator}" for estimator in estimators if estimator != "plain" for kind in ESTIMATES]


def columns_of_table(name: str) -> tuple[Column, ...]:
    """Return the columns of one of the `TABLES`, or of an estimator's table."""
    kind, _, estimator = name.partition("-")
    return ESTIMATES[kind] if estimator else TABLES[name]


def columns_of(name: str, present: Collection[str]) -> tuple[Column, ...]:
    """Return the columns with which a table is written that has these optional columns, in order.

    Args:
        name: of the table.
        present: names of columns.
    """
    return tuple(column for column in columns_of_table(name) if not column.optional or column.name in present)
