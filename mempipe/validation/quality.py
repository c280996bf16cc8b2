"""The quality table: one row a trial, its accuracies and circumstances; odd trials are marked, never left out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.errors import ObjectNotFoundError
from mempipe.runs import Run, Span, sidecar_key
from mempipe.shards import Shard
from mempipe.tables.parquet import table_schema

SCHEMA: Final = pa.schema(list(map(pa.Field.remove_metadata, table_schema("trials"))))
"""Columns of the table: those of `trials.parquet` of a release, the optional ones too."""

ODD_Z: Final = 5.0
"""Robust standard deviations from the median beyond which a trial is odd: one normal trial in 1.7 million."""

ODD_MIN_TRIALS: Final = 10
"""Fewer trials give no reliable spread."""

_MAD_TO_SD: Final = 1.4826


@dataclass(frozen=True)
class Circumstances:
    """How a shard was made, from its sidecar; None where unknown.

    Attributes:
        seconds: time of each trial.
        device: what it was trained on.
        hardware: hardware key of the machine.
    """

    seconds: Mapping[int, float]
    device: str | None = None
    hardware: str | None = None


UNKNOWN: Final = Circumstances(seconds={})


def read_sidecar(run: Run, span: Span, sha256: str) -> Circumstances:
    """Read the sidecar of the shard with these bytes; a missing or damaged one gives no values."""
    try:
        content = run.store.read(sidecar_key(span, sha256))
    except ObjectNotFoundError:
        return UNKNOWN
    try:
        document = json.loads(content)
    except ValueError:
        return UNKNOWN
    if not isinstance(document, dict) or document.get("shard_sha256") != sha256:
        return UNKNOWN
    hardware = document.get("hardware")
    return Circumstances(
        seconds=_seconds(document.get("seconds")),
        device=_text(document.get("device")),
        hardware=_text(hardware.get("hardware_key")) if isinstance(hardware, dict) else None,
    )


def quality_rows(shard: Shard, *, key: str, circumstances: Circumstances) -> pa.Table:
    """Return the rows of one shard's trials; `odd` is null until `mark_odd` saw all of them.

    Counted on packed bits: |correct AND mask| / |mask| and |correct AND NOT mask| / |NOT mask|.

    Args:
        shard: checked (`check_shard`), so that its spare bits are 0.
        key: its name.
        circumstances: from its sidecar.
    """
    n_subset = _count(shard.subset_mask)
    n_correct = _count(shard.train["correct"])
    n_correct_in = _count(shard.train["correct"] & shard.subset_mask)
    trials = shard.trials.tolist()
    rows = len(trials)
    columns = {
        "trial": shard.trials,
        "n_subset": n_subset,
        "train_accuracy_in": _share(n_correct_in, n_subset),
        "train_accuracy_out": _share(n_correct - n_correct_in, shard.n_train - n_subset),
        "test_accuracy": _count(shard.test["correct"]) / shard.n_test,
        "odd": [None] * rows,
        "odd_reason": [None] * rows,
        "seconds": [circumstances.seconds.get(trial) for trial in trials],
        "device": [circumstances.device] * rows,
        "hardware": [circumstances.hardware] * rows,
        "shard": [key] * rows,
    }
    return pa.table(columns, schema=SCHEMA)


def mark_odd(table: pa.Table, *, test_labels: NDArray[np.int64], n_train: int) -> pa.Table:
    """Mark trials that are valid but unlike the others; they count all the same.

    Leaving trials out by their outcome would change what is estimated, so this only tells a person where to look.
    A trial is odd when

    - its test accuracy is at most that of always predicting the most frequent test label; or
    - its `test_accuracy` or `train_accuracy_out` lies more than `ODD_Z` robust standard deviations
      (1.4826 * median absolute deviation, at least the weight of one example) from the median of all trials, if there
      are at least `ODD_MIN_TRIALS`.

    Args:
        table: rows of all trials that are judged together.
        test_labels: int64 (n_test,).
        n_train: size of the training set.

    Returns:
        The table with `odd` and `odd_reason` (null where not odd) filled.
    """
    reasons: list[list[str]] = [[] for _ in range(table.num_rows)]
    chance = float(np.bincount(test_labels).max() / len(test_labels))
    accuracy = table["test_accuracy"].to_numpy()
    for row in np.flatnonzero(accuracy <= chance).tolist():
        reasons[row].append(
            f"test_accuracy {accuracy[row]:.4f} is no better than predicting the most frequent label ({chance:.4f})"
        )
    if table.num_rows >= ODD_MIN_TRIALS:
        n_held_out = n_train - int(np.median(table["n_subset"].to_numpy()))
        for column, n in (("test_accuracy", len(test_labels)), ("train_accuracy_out", n_held_out)):
            if n == 0:
                continue
            for row, reason in _outliers(column, table[column].to_numpy(), least=1 / n):
                reasons[row].append(reason)
    odd = pa.array([bool(reason) for reason in reasons], pa.bool_())
    text = pa.array(["; ".join(reason) or None for reason in reasons], pa.string())
    table = table.set_column(table.schema.get_field_index("odd"), SCHEMA.field("odd"), odd)
    return table.set_column(table.schema.get_field_index("odd_reason"), SCHEMA.field("odd_reason"), text)


def _outliers(column: str, values: NDArray[np.float64], *, least: float) -> list[tuple[int, str]]:
    median = float(np.median(values))
    deviation = np.abs(values - median)
    scale = max(_MAD_TO_SD * float(np.median(deviation)), least)
    return [
        (
            row,
            f"{column} {values[row]:.4f} is {deviation[row] / scale:.1f} robust standard deviations "
            f"{'below' if values[row] < median else 'above'} the median {median:.4f}",
        )
        for row in np.flatnonzero(deviation > ODD_Z * scale).tolist()
    ]


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return `part / whole`; NaN where a trial saw everything or nothing."""
    share: NDArray[np.float64] = np.full(len(part), np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def _count(rows: NDArray[np.uint8]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.bitwise_count(rows).sum(axis=1, dtype=np.int64)
    return counts


def _seconds(value: Any) -> dict[int, float]:
    if not isinstance(value, dict):
        return {}
    return {
        int(trial): float(seconds)
        for trial, seconds in value.items()
        if str(trial).isdecimal() and isinstance(seconds, int | float) and not isinstance(seconds, bool)
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def concat(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of several tables, in order."""
    return pa.concat_tables(tables).combine_chunks()
