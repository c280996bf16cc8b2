"""The content digest: the same for the same content, another for any other."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mempipe.release.content import BlocksDigest, array_digest, table_digest
from mempipe.release.load import load_release
from mempipe.release.manifest import Manifest, Thresholds
from mempipe.release.write import write_release
from mempipe.tables.parquet import table_schema
from tests.release.world import World


def example_table() -> pa.Table:
    columns = {
        "trial": [0, 1, 2, 3, 4],
        "n_subset": [5] * 5,
        "train_accuracy_in": [0.5, None, 0.25, 1.0, None],
        "train_accuracy_out": [0.5] * 5,
        "test_accuracy": [0.1, 0.2, 0.3, 0.4, 0.5],
        "odd": [True, None, False, False, True],
        "odd_reason": ["a", None, "", "ö", "ab"],
        "seconds": [1.0, 2.0, None, 4.0, 5.0],
        "shard": ["x"] * 5,
    }
    return pa.table(columns, schema=table_schema("trials", frozenset(columns)))


def test_layout_does_not_enter(tmp_path: Path) -> None:
    table = example_table()
    expected = table_digest("trials", table)
    chunked = pa.concat_tables([table.slice(0, 2), table.slice(2, 0), table.slice(2, 3)])
    sliced = pa.concat_tables([table.slice(3), table]).slice(2)
    pq.write_table(table, tmp_path / "a.parquet", compression="snappy", row_group_size=2)
    for same in (
        chunked,
        sliced,
        table.select(table.column_names[::-1]),
        table.replace_schema_metadata({"by": "another pyarrow"}),
        pq.read_table(tmp_path / "a.parquet"),
    ):
        assert table_digest("trials", same) == expected


def test_timings_hardware_and_wording_do_not_enter() -> None:
    table = example_table()
    expected = table_digest("trials", table)
    assert table_digest("trials", table.drop_columns(["seconds", "shard", "odd_reason"])) == expected
    assert table_digest("trials", table.drop_columns(["odd"])) != expected


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("trial", [0, 1, 2, 4, 3]),
        ("train_accuracy_in", [0.5, 0.0, 0.25, 1.0, None]),
        ("train_accuracy_in", [0.5, None, 0.25, np.nextafter(1.0, 0), None]),
        ("odd", [True, False, False, False, True]),
    ],
)
def test_any_value_enters(column: str, values: list[object]) -> None:
    table = example_table()
    index = table.schema.get_field_index(column)
    changed = table.set_column(index, table.schema.field(column), pa.array(values, table.schema.field(column).type))
    assert table_digest("trials", changed) != table_digest("trials", table)
    assert table_digest("trials", table.slice(0, 4)) != table_digest("trials", table)


def test_text_has_no_ambiguous_joints() -> None:
    def digest(*names: str | None) -> str:
        return table_digest("classes", pa.table({"name": pa.array(names, pa.string())}))

    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("abc", ""), digest("abc", None)}) == 5


def test_arrays_by_name_type_shape_and_bytes() -> None:
    a = np.arange(6, dtype=np.int64)
    same = array_digest({"x": a, "y": a})
    assert array_digest({"y": a.astype(">i8"), "x": a}) == same
    others = [{"x": a}, {"x": a, "z": a}, {"x": a.astype(np.int32), "y": a}, {"x": a.reshape(2, 3), "y": a}]
    assert same not in {array_digest(other) for other in others}


def test_order_and_division_of_blocks_do_not_enter(world: World) -> None:
    blocks = list(world.blocks())
    forward, backward, divided = BlocksDigest(), BlocksDigest(), BlocksDigest()
    for block in blocks:
        forward.add(block.block, block.correct_in)
    for block in reversed(blocks):
        backward.add(block.block, block.correct_in)
    for block in blocks:
        for row in np.asfortranarray(block.correct_in):
            divided.add(block.block, row[None])
    assert forward.hexdigest() == backward.hexdigest() == divided.hexdigest()


def test_release_digest(world: World, local_release: tuple[Path, Manifest], tmp_path: Path) -> None:
    digest = local_release[1].content_digest
    same = world.content(rows=3, created=None, software={"tensorflow": "9"}, name="other", key="cd" * 32)
    assert write_release(same, tmp_path / "a").content_digest == digest
    slower = world.quality().set_column(7, "seconds", pa.array(np.full(40, 9.0)))
    assert write_release(world.content(trials=slower), tmp_path / "b").content_digest == digest
    others = [
        world.content(thresholds=Thresholds(infl=0.9)),
        world.content(class_names=("zero", "one", "two", "nobody else")),
        world.content(train_filenames=["x"] * 41, test_filenames=["y"] * 23),
        World(world.mask, world.train, world.test, world.train_labels, world.test_labels, first_trial=1).content(),
    ]
    for number, other in enumerate(others):
        assert write_release(other, tmp_path / str(number)).content_digest != digest


def test_one_count_changes_the_digest(world: World, local_release: tuple[Path, Manifest], tmp_path: Path) -> None:
    release = load_release(local_release[0])
    blocks = list(release.tallies.blocks())
    count = blocks[1].correct_in.copy()
    count[2, 3] += 1
    object.__setattr__(blocks[1], "correct_in", count)
    changed = write_release(world.content(blocks=lambda: blocks, thresholds=Thresholds()), tmp_path)
    assert changed.content_digest != local_release[1].content_digest
    differ = {name for name in changed.digests if changed.digests[name] != local_release[1].digests[name]}
    assert "tallies/blocks" in differ
    assert differ <= {"tallies/blocks", "pairs", "classes"}
