"""The quality table against a plain loop; odd trials are marked with a reason and kept; sidecars may be missing."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mempipe.bits import unpack
from mempipe.runs import Span, sidecar_key
from mempipe.shards import encode
from mempipe.tables.parquet import table_schema
from mempipe.validation.quality import (
    ODD_MIN_TRIALS,
    SCHEMA,
    UNKNOWN,
    Circumstances,
    mark_odd,
    quality_rows,
    read_sidecar,
)

SPAN = Span(10, 20)
KEY = "shards/trials=000010-000019.npz"


def rows(world: Any, circumstances: Circumstances = UNKNOWN) -> pa.Table:
    return quality_rows(world.shard(SPAN), key=KEY, circumstances=circumstances)


@pytest.mark.parametrize("design", ["uniform", "balanced"])
def test_against_a_plain_loop(make_world: Callable[..., Any], design: str) -> None:
    world = make_world(design=design)
    shard = world.shard(SPAN)
    masks, train = unpack(shard.subset_mask, shard.n_train), unpack(shard.train["correct"], shard.n_train)
    test = unpack(shard.test["correct"], shard.n_test)
    table = rows(world).to_pylist()
    for k, row in enumerate(table):
        assert row["trial"] == SPAN.start + k
        assert row["n_subset"] == masks[k].sum()
        assert row["train_accuracy_in"] == train[k][masks[k]].mean()
        assert row["train_accuracy_out"] == train[k][~masks[k]].mean()
        assert row["test_accuracy"] == test[k].mean()
        assert row["shard"] == KEY


def test_the_columns_are_those_of_a_release() -> None:
    assert SCHEMA.remove_metadata().equals(
        pa.schema([field.remove_metadata() for field in table_schema("trials")]), check_metadata=False
    )


def table_of(test_accuracy: list[float]) -> pa.Table:
    n = len(test_accuracy)
    columns = {name: [None] * n for name in SCHEMA.names}
    columns |= {"trial": list(range(n)), "n_subset": [30] * n, "test_accuracy": test_accuracy}
    columns |= {"train_accuracy_in": [1.0] * n, "train_accuracy_out": [0.75] * n}
    return pa.table(columns, schema=SCHEMA)


LABELS = np.array([0, 1, 1, 2] * 250)


def odd(test_accuracy: list[float]) -> dict[int, str]:
    marked = mark_odd(table_of(test_accuracy), test_labels=LABELS, n_train=43)
    assert marked.schema.equals(SCHEMA)
    assert marked.num_rows == len(test_accuracy)
    assert all((row["odd_reason"] is not None) == row["odd"] for row in marked.to_pylist())
    return {row["trial"]: row["odd_reason"] for row in marked.to_pylist() if row["odd"]}


def test_normal_trials_are_not_odd() -> None:
    random = np.random.default_rng(0)
    assert odd((0.9 + 0.01 * random.standard_normal(4000)).tolist()) == {}


def test_an_outlier_is_odd_on_either_side() -> None:
    usual = (0.9 + 0.01 * np.random.default_rng(0).standard_normal(40)).tolist()
    reasons = odd([*usual, 0.6, 0.99])
    assert list(reasons) == [40, 41]
    assert "test_accuracy 0.6000 is" in reasons[40]
    assert "robust standard deviations below the median 0.8987" in reasons[40]
    assert "above the median" in reasons[41]


def test_equal_trials_have_a_spread_of_one_example() -> None:
    """A deviation of 0 would make every other value infinitely odd."""
    assert odd([0.900] * 30 + [0.9049]) == {}
    assert list(odd([0.900] * 30 + [0.906])) == [30]


def test_chance_is_odd_however_many_trials_do_it() -> None:
    reasons = odd([0.5, 0.4, 0.9])
    assert list(reasons) == [0, 1]
    assert reasons[0] == "test_accuracy 0.5000 is no better than predicting the most frequent label (0.5000)"


def test_few_trials_have_no_spread() -> None:
    usual = [0.90 + 0.001 * k for k in range(ODD_MIN_TRIALS - 2)]
    assert odd([*usual, 0.6]) == {}
    assert list(odd([*usual, 0.9, 0.6])) == [ODD_MIN_TRIALS - 1]


def test_held_out_accuracy_is_judged_too() -> None:
    table = table_of([0.9] * 20)
    values = [0.75] * 19 + [0.10]
    table = table.set_column(3, SCHEMA.field(3), pa.array(values))
    marked = mark_odd(table, test_labels=LABELS, n_train=43)
    assert marked["odd"].to_pylist() == [False] * 19 + [True]
    assert marked["odd_reason"][19].as_py().startswith("train_accuracy_out 0.1000 is 8.4 robust")


def test_a_sidecar_fills_its_columns(world: Any) -> None:
    ref = world.commit(SPAN)
    digest = hashlib.sha256(world.run.store.read(ref.key)).hexdigest()
    table = rows(world, read_sidecar(world.run, SPAN, digest))
    assert table["seconds"].to_pylist() == [1.5] * 10
    assert table["device"].to_pylist() == ["CPU"] * 10
    assert table["hardware"].to_pylist() == ["machine-1"] * 10


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        json.dumps({"shard_sha256": "another", "device": "CPU"}).encode(),
        "wrong types",
    ],
)
def test_a_missing_or_damaged_sidecar_gives_nulls(world: Any, content: bytes | str | None) -> None:
    digest = hashlib.sha256(encode(world.shard(SPAN))).hexdigest()
    if content == "wrong types":
        document = {"shard_sha256": digest, "device": 3, "hardware": "x", "seconds": {"10": "long", "x": 1, "11": True}}
        content = json.dumps(document).encode()
    if content is not None:
        world.run.store.create(sidecar_key(SPAN, digest), content)
    table = rows(world, read_sidecar(world.run, SPAN, digest))
    for column in ("seconds", "device", "hardware"):
        assert table[column].to_pylist() == [None] * 10
    assert table["test_accuracy"].null_count == 0
