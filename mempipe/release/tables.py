"""The tables of a release, from its counts; `mempipe.tables.schema` states every column."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.errors import InputError
from mempipe.scores.estimate import heldout_accuracy, memorization, memorization_standard_error
from mempipe.scores.estimators import Estimate
from mempipe.scores.pairs import PairTable
from mempipe.tables.parquet import build_table, table_schema
from mempipe.tables.schema import TABLES

if TYPE_CHECKING:
    from mempipe.release.content import ReleaseContent


def release_tables(content: "ReleaseContent", pairs: PairTable) -> dict[str, pa.Table]:
    """Return the tables of a release by name, from its counts and its high-influence pairs."""
    examples, train_labels, test_labels = content.examples, content.train_labels, content.test_labels
    return {
        "examples": build_table(
            "examples",
            {
                "idx": np.arange(examples.n_train, dtype=np.int64),
                "label": train_labels,
                "mem": memorization(examples),
                "mem_se": memorization_standard_error(examples),
                "n_in": examples.n_in,
                "n_out": examples.n_out,
                "correct_in": examples.correct_in,
                "correct_out": examples.correct_out,
                "heldout_accuracy": heldout_accuracy(examples),
                "filename": content.train_filenames,
            },
        ),
        "test_examples": build_table(
            "test_examples",
            {
                "idx": np.arange(examples.n_test, dtype=np.int64),
                "label": test_labels,
                "n_trials": np.full(examples.n_test, examples.n_trials, dtype=np.int64),
                "n_correct": examples.test_correct,
                "accuracy": examples.test_correct / examples.n_trials,
                "filename": content.test_filenames,
            },
        ),
        "pairs": pairs_table(pairs, train_labels, test_labels),
        "classes": classes_table(
            memorization(examples),
            train_labels,
            test_labels,
            content.class_names,
            pairs.tr_idx,
            mem_threshold=content.thresholds.mem,
        ),
        "trials": trials_table(content.trials),
    }


def pairs_table(
    pairs: PairTable, train_labels: NDArray[np.int64], test_labels: NDArray[np.int64], *, estimator: str = ""
) -> pa.Table:
    """Return pairs with their labels, in the order of `PairTable`: by descending influence.

    Args:
        pairs: the pairs.
        train_labels: int64 (n_train,).
        test_labels: int64 (n_test,).
        estimator: that selected them, if not `plain`: its table has no counts.
    """
    labels = {"label": train_labels[pairs.tr_idx], "tt_label": test_labels[pairs.tt_idx]}
    return build_table(f"pairs-{estimator}" if estimator else "pairs", {**pairs.columns(), **labels})


def example_estimates(estimator: str, memorization: Estimate, labels: NDArray[np.int64]) -> pa.Table:
    """Return the training examples' scores by an estimator beside `plain`, in the data set's order."""
    value, error = memorization.value, memorization.standard_error[:]
    idx = np.arange(labels.size, dtype=np.int64)
    return build_table(f"examples-{estimator}", {"idx": idx, "label": labels, "mem": value, "mem_se": error})


def classes_table(
    mem: NDArray[np.float64],
    train_labels: NDArray[np.int64],
    test_labels: NDArray[np.int64],
    class_names: Sequence[str],
    pairs_tr_idx: NDArray[np.int64],
    *,
    mem_threshold: float,
) -> pa.Table:
    """Return one row for each class, by label.

    Args:
        mem: float64 (n_train,); memorization, NaN where undefined.
        train_labels: int64 (n_train,), below the number of names.
        test_labels: int64 (n_test,), below the number of names.
        class_names: one for each label.
        pairs_tr_idx: int64 (n_pairs,); the training example of each high-influence pair.
        mem_threshold: from which on an example counts as memorized.
    """
    n_classes = len(class_names)
    defined = ~np.isnan(mem)

    def count(labels: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(labels, minlength=n_classes).astype(np.int64)

    n_defined = count(train_labels[defined])
    total = np.bincount(train_labels[defined], weights=mem[defined], minlength=n_classes)
    return build_table(
        "classes",
        {
            "label": np.arange(n_classes, dtype=np.int64),
            "name": class_names,
            "n_train": count(train_labels),
            "n_test": count(test_labels),
            "mean_mem": np.divide(total, n_defined, out=np.full(n_classes, np.nan), where=n_defined > 0),
            "n_mem_above_threshold": count(train_labels[mem >= mem_threshold]),
            "n_pairs": count(train_labels[pairs_tr_idx]),
            "n_undefined": count(train_labels[~defined]),
        },
    )


def descending(table: pa.Table, column: str) -> NDArray[np.int64]:
    """Return the order of a table's rows from a column's largest value, nulls last; equal ones stay in order."""
    order: NDArray[np.int64] = np.argsort(-table[column].to_numpy(), kind="stable")  # null is NaN, which comes last
    return order


def trials_table(trials: pa.Table) -> pa.Table:
    """Return the quality table of the trials with the release's columns and types, sorted by trial.

    Columns that the schema does not know are left out; optional and later ones may be absent.

    Raises:
        InputError: a column is missing or has values of another type.
    """
    required = [column.name for column in TABLES["trials"] if column.required]
    missing = [name for name in required if name not in trials.column_names]
    if missing:
        raise InputError(
            f"Release cannot be written: table of trials has no column {missing[0]}, expected {', '.join(required)}.",
            hint="give one row for each trial with its accuracies.",
        )
    schema = table_schema("trials", trials.column_names)
    try:
        table = trials.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise InputError(
            f"Release cannot be written: table of trials does not fit ({error}), expected the types of its schema.",
            hint="docs/release-format.md lists the columns of trials.",
        ) from error
    return _nan_is_null(table.sort_by("trial").combine_chunks())


def _nan_is_null(table: pa.Table) -> pa.Table:
    arrays = [
        pa.array(table[field.name].to_numpy(), type=field.type, from_pandas=True)
        if pa.types.is_floating(field.type) and field.nullable
        else table[field.name]
        for field in table.schema
    ]
    return pa.Table.from_arrays(arrays, schema=table.schema)
