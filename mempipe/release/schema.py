"""The tables of a release as data: every column with its type, unit and meaning.

`docs/release-format.md` says the same for readers, and a test compares both.
"""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = 1
"""Of the manifest, the tables and the tallies together; raised when a file, a column or a meaning changes."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: of the column.
        type: of its values; floats are float64 everywhere.
        unit: what one step of the value is.
        meaning: in one line.
        nullable: null where the value is undefined.
        in_digest: part of the content digest; timings and hardware are not.
        optional: may be absent from the table.
    """

    name: str
    type: pa.DataType
    unit: str
    meaning: str
    nullable: bool = False
    in_digest: bool = True
    optional: bool = False


_INT: Final = pa.int64()
_FLOAT: Final = pa.float64()
_TEXT: Final = pa.string()

_IDX = "position in the data set's own order"
_COUNTS = (
    Column("n_in", _INT, "trials", "trials that saw the training example"),
    Column("n_out", _INT, "trials", "trials that did not see the training example"),
)
_FILENAME = Column(
    "filename", _TEXT, "file name", "relative name of the image file (image folders only)", optional=True
)

EXAMPLES: Final = (
    Column("idx", _INT, "index", f"training example: {_IDX}"),
    Column("label", _INT, "class", "its label"),
    Column("mem", _FLOAT, "probability difference", "memorization; null if every or no trial saw it", nullable=True),
    Column("mem_se", _FLOAT, "probability difference", "standard error of mem", nullable=True),
    *_COUNTS,
    Column("correct_in", _INT, "trials", "trials that saw it and predict its label"),
    Column("correct_out", _INT, "trials", "trials that did not see it and predict its label"),
    Column(
        "heldout_accuracy",
        _FLOAT,
        "probability",
        "correct_out / n_out: the C-score at this subset ratio; null if every trial saw it",
        nullable=True,
    ),
    _FILENAME,
)

TEST_EXAMPLES: Final = (
    Column("idx", _INT, "index", f"test example: {_IDX}"),
    Column("label", _INT, "class", "its label"),
    Column("n_trials", _INT, "trials", "trials counted"),
    Column("n_correct", _INT, "trials", "trials that predict its label"),
    Column("accuracy", _FLOAT, "probability", "n_correct / n_trials"),
    _FILENAME,
)

PAIRS: Final = (
    Column("tr_idx", _INT, "index", f"training example: {_IDX}"),
    Column("tt_idx", _INT, "index", f"test example: {_IDX}"),
    Column("label", _INT, "class", "label of the training example"),
    Column("tt_label", _INT, "class", "label of the test example"),
    Column("infl", _FLOAT, "probability difference", "influence of the training on the test example"),
    Column("infl_se", _FLOAT, "probability difference", "standard error of infl"),
    Column("mem", _FLOAT, "probability difference", "memorization of the training example"),
    Column("mem_se", _FLOAT, "probability difference", "standard error of mem"),
    *_COUNTS,
    Column("correct_in", _INT, "trials", "trials that saw the training example and predict the test example's label"),
    Column(
        "correct_out",
        _INT,
        "trials",
        "trials that did not see the training example and predict the test example's label",
    ),
)

CLASSES: Final = (
    Column("label", _INT, "class", "label"),
    Column("name", _TEXT, "name", "name of the class"),
    Column("n_train", _INT, "examples", "training examples of the class"),
    Column("n_test", _INT, "examples", "test examples of the class"),
    Column("mean_mem", _FLOAT, "probability difference", "mean memorization over its defined scores", nullable=True),
    Column("n_mem_above_threshold", _INT, "examples", "training examples with mem >= the release's threshold"),
    Column("n_pairs", _INT, "pairs", "high-influence pairs whose training example is of the class"),
    Column("n_undefined", _INT, "examples", "training examples without a score"),
)

TRIALS: Final = (
    Column("trial", _INT, "index", "number of the trial"),
    Column("n_subset", _INT, "examples", "training examples that it saw"),
    Column("train_accuracy_in", _FLOAT, "probability", "accuracy on the training examples that it saw", nullable=True),
    Column("train_accuracy_out", _FLOAT, "probability", "accuracy on those that it did not see", nullable=True),
    Column("test_accuracy", _FLOAT, "probability", "accuracy on the test examples"),
    Column(
        "odd",
        pa.bool_(),
        "flag",
        "valid, but unlike the other trials; counted all the same",
        nullable=True,
        optional=True,
    ),
    Column("odd_reason", _TEXT, "text", "what is odd about it", nullable=True, in_digest=False, optional=True),
    Column("seconds", _FLOAT, "seconds", "time to train it", nullable=True, in_digest=False, optional=True),
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


def table_schema(name: str, present: frozenset[str] | None = None) -> pa.Schema:
    """Return the Arrow schema of a table, with unit and meaning in each field's metadata.

    Args:
        name: a key of `TABLES`.
        present: the optional columns that the table has; None for all of them.
    """
    fields = [
        pa.field(
            column.name,
            column.type,
            nullable=column.nullable,
            metadata={"unit": column.unit, "meaning": column.meaning},
        )
        for column in TABLES[name]
        if not column.optional or present is None or column.name in present
    ]
    return pa.schema(fields, metadata={"mempipe.table": name, "mempipe.schema_version": str(SCHEMA_VERSION)})


def type_name(kind: pa.DataType) -> str:
    """Return the type as numpy and pandas call it."""
    return {"double": "float64"}.get(str(kind), str(kind))


def outside_digest(name: str) -> frozenset[str]:
    """Return the columns of a table that the content digest leaves out."""
    return frozenset(column.name for column in TABLES[name] if not column.in_digest)
