"""Tallies on disk: exact round trips, bounded parts, merges, and refusals."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mempipe.errors import LaterVersionError, ReleaseError, TallyError
from mempipe.npz import NpzWriter
from mempipe.release import tally_files
from mempipe.release.stored_tallies import StoredTallies, merge_blocks, open_tallies
from mempipe.release.tally_files import EXAMPLES_FILE, file_groups, write_tallies
from mempipe.scores.tally import BlockTally, ExampleTally, Scope, TrialSet, blocks_of
from tests.release.world import World

SCOPES = [Scope.CLASS, Scope.FULL]


def write(world: World, folder: Path, scope: Scope = Scope.CLASS, rows: int | None = None) -> str:
    labels = world.train_labels, world.test_labels
    return write_tallies(folder, world.examples(), world.blocks(scope, rows), *labels, scope)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def joined(tallies: StoredTallies, label: int, max_bytes: int) -> BlockTally:
    parts = [part for part in tallies.blocks(max_bytes=max_bytes) if part.block.label == label]
    assert all(part.correct_in.nbytes <= max(max_bytes, 4 * part.block.shape[1]) for part in parts)
    return BlockTally(
        next(block for _, group in tallies.groups for block in group if block.label == label),
        np.concatenate([part.correct_in for part in parts]),
        parts[0].trials,
    )


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("group_bytes", [1, 2**26])
def test_round_trip(
    world: World, tmp_path: Path, scope: Scope, group_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally_files, "GROUP_BYTES", group_bytes)
    write(world, tmp_path, scope)
    tallies = open_tallies(tmp_path)
    expected = world.examples()
    for field in ("n_in", "n_out", "correct_in", "correct_out", "test_correct"):
        np.testing.assert_array_equal(getattr(tallies.examples, field), getattr(expected, field))
    assert (tallies.examples.trials, tallies.scope) == (world.trials, scope)
    assert len(list(tmp_path.glob("blocks-*.npz"))) == (3 if group_bytes == 1 else 1)
    for block in world.blocks(scope):
        for read in (tallies.block(block.block.label), joined(tallies, block.block.label, 50)):
            assert read.block.same_pairs(block.block)
            np.testing.assert_array_equal(read.correct_in, block.correct_in)
    with pytest.raises(KeyError):
        tallies.block(3)


@pytest.mark.parametrize("scope", SCOPES)
def test_division_into_parts_changes_no_byte(world: World, tmp_path: Path, scope: Scope) -> None:
    digests = {write(world, tmp_path / str(rows), scope, rows) for rows in (None, 1, 4, 100)}
    assert len(digests) == 1
    assert all(contents(tmp_path / str(rows)) == contents(tmp_path / "None") for rows in (1, 4, 100))


def test_one_count_or_trial_changes_the_digest(world: World, tmp_path: Path) -> None:
    first = write(world, tmp_path / "a")
    world.test[0, 5] ^= True
    try:
        assert write(world, tmp_path / "b") != first
    finally:
        world.test[0, 5] ^= True
    moved = World(world.mask, world.train, world.test, world.train_labels, world.test_labels, first_trial=7)
    assert write(moved, tmp_path / "c") != first
    assert write(world, tmp_path / "d") == first


@pytest.mark.parametrize("scope", SCOPES)
def test_merged_parts_are_the_whole(world: World, tmp_path: Path, scope: Scope) -> None:
    whole = write(world, tmp_path / "whole", scope)
    parts = []
    for name, part in (("a", world.part(0, 13)), ("b", world.part(13, 40))):
        write(part, tmp_path / name, scope)
        parts.append(open_tallies(tmp_path / name))
    examples, labels = world.examples(), (world.train_labels, world.test_labels)
    assert write_tallies(tmp_path / "ab", examples, merge_blocks(parts), *labels, scope) == whole
    assert write_tallies(tmp_path / "ba", examples, merge_blocks(parts[::-1]), *labels, scope) == whole
    assert contents(tmp_path / "ab") == contents(tmp_path / "ba") == contents(tmp_path / "whole")


def test_merge_refuses_a_trial_twice_and_other_data(world: World, tmp_path: Path) -> None:
    write(world.part(0, 20), tmp_path / "a")
    write(world.part(19, 40), tmp_path / "b")
    a, b = open_tallies(tmp_path / "a"), open_tallies(tmp_path / "b")
    with pytest.raises(TallyError, match="trial 19 of source run is given twice"):
        list(merge_blocks([a, b]))
    labels = world.train_labels[::-1].copy()
    later = world.part(20, 40)
    other = World(later.mask, later.train, later.test, labels, later.test_labels, first_trial=20)
    write(other, tmp_path / "d")
    with pytest.raises(TallyError, match="train_labels is another"):
        merge_blocks([a, open_tallies(tmp_path / "d")])
    write(world.part(20, 40), tmp_path / "e", Scope.FULL)
    with pytest.raises(TallyError, match="scope is another"):
        merge_blocks([a, open_tallies(tmp_path / "e")])


def test_wrong_streams_are_refused_and_never_complete(world: World, tmp_path: Path) -> None:
    blocks = list(world.blocks(rows=5))
    foreign = [BlockTally(block.block, block.correct_in, TrialSet.from_ids("x", [0])) for block in blocks]
    labels = world.train_labels, world.test_labels
    cases = {
        "ends at row": blocks[:-1],
        "blocks end": [],
        "comes, expected row": [blocks[1], blocks[0], *blocks[2:]],
        "comes last": [*blocks, blocks[-1]],
        "expected row 5": [blocks[0], *blocks],
        "other trials": foreign,
    }
    for stream in cases.values():
        with pytest.raises(TallyError, match="Tallies cannot be written"):
            write_tallies(tmp_path, world.examples(), stream, *labels, Scope.CLASS)
        assert not (tmp_path / EXAMPLES_FILE).exists()
    with pytest.raises(TallyError, match="labels are of 40 train"):
        write_tallies(tmp_path, world.examples(), blocks, labels[0][:-1], labels[1], Scope.CLASS)


def test_damage_is_named(world: World, tmp_path: Path) -> None:
    write(world, tmp_path)
    blocks = tmp_path / "blocks-00000.npz"
    content = bytearray(blocks.read_bytes())
    content[len(content) // 2] ^= 255
    blocks.write_bytes(content)
    with pytest.raises(ReleaseError, match=r"blocks-00000\.npz"):
        list(open_tallies(tmp_path).blocks())
    blocks.unlink()
    with pytest.raises(ReleaseError, match="does not exist"):
        open_tallies(tmp_path).block(0)
    (tmp_path / EXAMPLES_FILE).write_bytes(b"PK\x03\x04 no")
    with pytest.raises(ReleaseError, match=r"examples\.npz cannot be read as npz"):
        open_tallies(tmp_path)


def write_changed(world: World, folder: Path, change: dict[str, np.ndarray]) -> None:
    write(world, folder)
    with np.load(folder / EXAMPLES_FILE) as archive:
        arrays = dict(archive) | change
    with NpzWriter(folder / EXAMPLES_FILE) as writer:
        for name, array in arrays.items():
            writer.add(name, array)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": np.ones(2)}, "contradicts itself"),
        ({"trials": np.asarray(json.dumps({"run": [[0, 5]]}))}, "contradicts itself"),
        ({"trials": np.asarray("[1")}, "contradicts itself"),
        ({"trials": np.asarray('{"run": [3]}')}, "contradicts itself"),
        ({"trials": np.asarray("[]")}, "contradicts itself"),
        ({"n_in": np.zeros(41)}, "contradicts itself"),
        ({"test_labels": np.zeros(23)}, "test_labels|float64"),
        ({"scope": np.asarray("half")}, "contradicts itself"),
        ({"train_labels": np.zeros(3, dtype=np.int64)}, r"labels are int64 \(3,\)"),
    ],
)
def test_contradictions_are_named(world: World, tmp_path: Path, change: dict[str, np.ndarray], message: str) -> None:
    write_changed(world, tmp_path, change)
    with pytest.raises(ReleaseError, match=message):
        open_tallies(tmp_path)


def test_counts_of_a_later_version_are_not_damaged(world: World, tmp_path: Path) -> None:
    write_changed(world, tmp_path, {"later_array": np.zeros(3)})
    assert open_tallies(tmp_path).examples.n_trials == 40
    write_changed(world, tmp_path, {"schema_version": np.asarray(2)})
    with pytest.raises(LaterVersionError, match="schema_version is 2, expected 1: it was written by a later version"):
        open_tallies(tmp_path)


def test_memory_is_bounded_by_the_part_and_not_by_the_block(tmp_path: Path) -> None:
    n_train, n_test, rows = 20_000, 400, 250  # 32 MB of counts, 0.4 MB a part
    labels = np.zeros(n_train, dtype=np.int64), np.zeros(n_test, dtype=np.int64)
    trials = TrialSet.from_ids("run", [0])
    ones = np.ones(n_train, dtype=np.int64)
    examples = ExampleTally(trials, ones, ones - 1, ones, ones - 1, np.ones(n_test, dtype=np.int64))

    def parts() -> Iterator[BlockTally]:
        (block,) = blocks_of(*labels, Scope.CLASS)
        for start in range(0, n_train, rows):
            part = block.rows(start, start + rows)
            yield BlockTally(part, np.ones(part.shape, dtype=np.int32), trials)

    tracemalloc.start()
    try:
        write_tallies(tmp_path, examples, parts(), *labels, Scope.CLASS)
        n_read = sum(part.correct_in.size for part in open_tallies(tmp_path).blocks(max_bytes=400_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert n_read == n_train * n_test
    assert peak < 6_000_000


def test_files_are_a_function_of_labels_and_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_files, "GROUP_BYTES", 4 * 2 * 3 * 2)
    labels = np.repeat(np.arange(5), 2), np.repeat(np.arange(5), 3)
    groups = file_groups(*labels, Scope.CLASS)
    assert [(file, [block.label for block in blocks]) for file, blocks in groups] == [
        ("blocks-00000.npz", [0, 1]),
        ("blocks-00001.npz", [2, 3]),
        ("blocks-00002.npz", [4]),
    ]
