"""The Parquet tables: schema, values, and null for what is undefined."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mempipe.errors import InputError, ReleaseError
from mempipe.release.manifest import Manifest
from mempipe.release.tables import descending, trials_table
from mempipe.tables.parquet import read_table, table_schema
from mempipe.tables.schema import SCHEMA_VERSION, TABLES
from tests.release.world import ALWAYS_SEEN, MEMORIZED, NEVER_SEEN, World


@pytest.mark.parametrize("name", TABLES)
def test_files_have_the_schema_with_units(local_release: tuple[Path, Manifest], name: str) -> None:
    table = pq.read_table(local_release[0] / f"{name}.parquet")
    expected = table_schema(name, frozenset(table.column_names))
    assert table.schema.equals(expected, check_metadata=True)
    assert table.schema.metadata[b"mempipe.schema_version"] == str(SCHEMA_VERSION).encode()
    for field in table.schema:
        assert field.metadata[b"unit"]
        assert field.metadata[b"meaning"]
        assert not pa.types.is_float32(field.type)
        if pa.types.is_floating(field.type):
            assert not np.isnan(table[field.name].drop_null().to_numpy()).any()


def test_undefined_scores_are_null(local_release: tuple[Path, Manifest], world: World) -> None:
    rows = pq.read_table(local_release[0] / "examples.parquet").to_pylist()
    for idx in (ALWAYS_SEEN, NEVER_SEEN):
        assert (rows[idx]["mem"], rows[idx]["mem_se"]) == (None, None)
    assert rows[ALWAYS_SEEN]["heldout_accuracy"] is None
    assert rows[NEVER_SEEN]["heldout_accuracy"] == world.train[:, NEVER_SEEN].mean()
    assert (rows[ALWAYS_SEEN]["n_out"], rows[NEVER_SEEN]["n_in"]) == (0, 0)
    assert sum(row["mem"] is None for row in rows) == 2
    assert rows[MEMORIZED]["mem"] == 1
    assert rows[MEMORIZED]["mem_se"] > 0


def test_test_examples(local_release: tuple[Path, Manifest], world: World) -> None:
    table = pq.read_table(local_release[0] / "test_examples.parquet")
    np.testing.assert_array_equal(table["n_correct"], world.test.sum(axis=0))
    np.testing.assert_array_equal(table["accuracy"], world.test.mean(axis=0))
    assert set(table["n_trials"].to_pylist()) == {40}


def test_classes_add_up(local_release: tuple[Path, Manifest], world: World) -> None:
    classes = pd.read_parquet(local_release[0] / "classes.parquet")
    examples = pd.read_parquet(local_release[0] / "examples.parquet")
    pairs = pd.read_parquet(local_release[0] / "pairs.parquet")
    assert classes["name"].tolist() == ["zero", "one", "two", "nobody"]
    assert classes["n_train"].tolist() == [14, 14, 13, 0]
    assert classes["n_test"].tolist() == [12, 11, 0, 0]
    assert classes["n_undefined"].tolist() == [1, 1, 0, 0]
    by_label = examples.groupby("label")["mem"]
    np.testing.assert_allclose(classes["mean_mem"][:3], by_label.mean(), rtol=1e-12)
    assert np.isnan(classes["mean_mem"][3])
    assert classes["n_mem_above_threshold"].sum() == (examples["mem"] >= 0.25).sum() > 0
    assert classes["n_pairs"].sum() == len(pairs) > 0


def test_pairs_join_with_examples(local_release: tuple[Path, Manifest]) -> None:
    pairs = pd.read_parquet(local_release[0] / "pairs.parquet")
    examples = pd.read_parquet(local_release[0] / "examples.parquet").loc[pairs["tr_idx"]].reset_index(drop=True)
    for column in ("label", "mem", "mem_se", "n_in", "n_out"):
        pd.testing.assert_series_equal(pairs[column], examples[column])
    assert (pairs["label"] == pairs["tt_label"]).all()
    expected = pairs["correct_in"] / pairs["n_in"] - pairs["correct_out"] / pairs["n_out"]
    np.testing.assert_array_equal(pairs["infl"], expected)
    order = pairs.sort_values(["infl", "tr_idx", "tt_idx"], ascending=[False, True, True]).index
    assert order.tolist() == list(range(len(pairs)))


def test_trials_are_sorted_and_typed() -> None:
    table = pa.table(
        {
            "unknown": ["x", "y"],
            "test_accuracy": [0.5, 1],
            "trial": pa.array([1, 0], pa.int32()),
            "n_subset": [3, 3],
            "train_accuracy_in": [float("nan"), 0.5],
            "train_accuracy_out": [0.5, 0.5],
        }
    )
    trials = trials_table(table)
    assert trials.column_names == ["trial", "n_subset", "train_accuracy_in", "train_accuracy_out", "test_accuracy"]
    assert trials["trial"].to_pylist() == [0, 1]
    assert trials["train_accuracy_in"].to_pylist() == [0.5, None]
    with pytest.raises(InputError, match="no column n_subset"):
        trials_table(table.drop_columns(["n_subset"]))
    with pytest.raises(InputError, match="does not fit"):
        trials_table(table.set_column(3, "n_subset", pa.array(["many", "few"])))
    with pytest.raises(InputError, match="does not fit"):
        trials_table(table.set_column(3, "n_subset", pa.array([None, 3])))


def test_damaged_tables_are_named(local_release: tuple[Path, Manifest], tmp_path: Path) -> None:
    content = (local_release[0] / "examples.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(content[:-20])
    with pytest.raises(ReleaseError, match=r"t\.parquet cannot be read as Parquet"):
        read_table(tmp_path / "t.parquet", "examples", source="t.parquet")
    with pytest.raises(ReleaseError, match="does not exist"):
        read_table(tmp_path / "absent.parquet", "examples", source="absent.parquet")
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(ReleaseError, match="of table pairs"):
        read_table(tmp_path / "t.parquet", "pairs", source="t.parquet")


def test_descending_keeps_order_and_puts_null_last() -> None:
    table = pa.table({"mem": pa.array([0.5, None, 0.9, 0.5, -1.0])})
    assert descending(table, "mem").tolist() == [2, 0, 3, 4, 1]
