"""Counting gives the integers of two plain loops, however the trials are divided and whatever the memory."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mempipe.bits import pack, packed_width
from mempipe.errors import InputError, TallyError
from mempipe.scores import words
from mempipe.scores.count import count_blocks, count_examples
from mempipe.scores.tally import Block, BlockTally, ExampleTally, Scope, TrialBatch, blocks_of
from tests.scores.worlds import every_pair, examples_of, pairs_of, random_world

SIZES = [  # trials, train, test: around 1, 8 and 64; no test example; more than a tile of 256 and a task of 512
    (1, 1, 1),
    (1, 9, 3),
    (2, 8, 8),
    (3, 7, 0),
    (63, 63, 65),
    (64, 64, 64),
    (65, 65, 63),
    (130, 20, 129),
    (70, 515, 257),
]


def counts(tally: ExampleTally) -> dict[str, bytes]:
    fields = ("n_in", "n_out", "correct_in", "correct_out", "test_correct")
    return {field: getattr(tally, field).tobytes() for field in fields}


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 64 trials, so that small worlds have several."""
    monkeypatch.setattr(words, "_CHUNK_BYTES", 1)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_counts_are_those_of_two_loops(size: tuple[int, int, int]) -> None:
    world = random_world(*size, seed=sum(size))
    tally = examples_of(world)
    assert tally.n_trials == world.n_trials
    for i in range(world.n_train):
        seen = [k for k in range(world.n_trials) if world.mask[k, i]]
        held_out = [k for k in range(world.n_trials) if not world.mask[k, i]]
        assert (tally.n_in[i], tally.n_out[i]) == (len(seen), len(held_out))
        assert tally.correct_in[i] == sum(bool(world.train[k, i]) for k in seen)
        assert tally.correct_out[i] == sum(bool(world.train[k, i]) for k in held_out)
    assert tally.test_correct.tolist() == [sum(column) for column in world.test.T.tolist()]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pair_counts_are_those_of_a_product_of_matrices(size: tuple[int, int, int]) -> None:
    world = random_world(*size, seed=sum(size))
    expected = world.mask.T.astype(np.int64) @ world.test.astype(np.int64)
    np.testing.assert_array_equal(pairs_of(world).correct_in, expected)
    rng = np.random.default_rng(1)
    some = Block(
        "some", 0, np.flatnonzero(rng.random(world.n_train) < 0.5), np.flatnonzero(rng.random(world.n_test) < 0.5)
    )
    np.testing.assert_array_equal(pairs_of(world, some).correct_in, expected[np.ix_(some.tr_idx, some.tt_idx)])


@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_order_and_division_gives_the_same_bytes(data: st.DataObject) -> None:
    world = random_world(150, 21, 13, seed=5)
    expected, expected_pairs = examples_of(world), pairs_of(world)
    order = data.draw(st.permutations(range(world.n_trials)))
    cuts = sorted(data.draw(st.lists(st.integers(0, world.n_trials), max_size=6)))
    edges = [0, *cuts, world.n_trials]
    batches = [world.batch(order[a:b]) for a, b in pairwise(edges)]
    tally = examples_of(world, batches)
    assert tally.trials == expected.trials
    assert counts(tally) == counts(expected)
    pairs = pairs_of(world, batches=batches)
    assert pairs.trials == expected_pairs.trials
    assert pairs.correct_in.tobytes() == expected_pairs.correct_in.tobytes()


@pytest.mark.usefixtures("small_chunks")
def test_small_chunks_count_as_one() -> None:
    world = random_world(200, 70, 30, seed=8)
    expected = world.mask.T.astype(np.int64) @ world.test.astype(np.int64)
    np.testing.assert_array_equal(pairs_of(world).correct_in, expected)
    np.testing.assert_array_equal(examples_of(world).n_in, world.mask.sum(axis=0))


@pytest.mark.parametrize(("n_train", "n_test"), [(9, 3), (63, 65), (1, 127)])
def test_spare_bits_are_ignored(n_train: int, n_test: int) -> None:
    world = random_world(67, n_train, n_test, seed=2)
    clean = world.batch()
    dirty = TrialBatch(
        clean.trials,
        _fill_spare_bits(clean.subset_mask, n_train),
        {"correct": _fill_spare_bits(clean.train["correct"], n_train)},
        {"correct": _fill_spare_bits(clean.test["correct"], n_test)},
    )
    assert not np.array_equal(dirty.subset_mask, clean.subset_mask)
    assert counts(examples_of(world, [dirty])) == counts(examples_of(world))
    np.testing.assert_array_equal(pairs_of(world, batches=[dirty]).correct_in, pairs_of(world).correct_in)


def _fill_spare_bits(rows: np.ndarray, n: int) -> np.ndarray:
    filled = rows.copy()
    filled[:, -1] |= np.uint8(0xFF << (n % 8) & 0xFF) if n % 8 else np.uint8(0)
    return filled


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("memory_limit", [1, 100, 1000, 2500, 10**9])
@pytest.mark.parametrize("threads", [1, 3])
def test_memory_and_threads_change_no_count(scope: Scope, memory_limit: int, threads: int) -> None:
    world = random_world(90, 60, 40, seed=4)
    rng = np.random.default_rng(0)
    train_labels, test_labels = rng.integers(0, 6, 60), rng.integers(1, 8, 40)
    blocks = blocks_of(train_labels, test_labels, scope)
    expected = world.mask.T.astype(np.int64) @ world.test.astype(np.int64)
    readings = 0

    def read() -> Iterator[TrialBatch]:
        nonlocal readings
        readings += 1
        return iter(world.batches(10, 20))

    tallies = list(
        count_blocks(read, blocks, source="run", n_train=60, n_test=40, memory_limit=memory_limit, threads=threads)
    )
    needed = sum(tally.correct_in.nbytes for tally in tallies)
    row = max(tally.correct_in[:1].nbytes for tally in tallies)
    assert needed / max(memory_limit, row) <= readings <= len(tallies)
    assert (readings == 1) == (needed <= memory_limit)
    merged = {label: list(parts) for label, parts in groupby(tallies, key=lambda tally: tally.block.label)}
    assert list(merged) == [block.label for block in blocks]
    for block in blocks:
        whole = np.concatenate([tally.correct_in for tally in merged[block.label]])
        np.testing.assert_array_equal(whole, expected[np.ix_(block.tr_idx, block.tt_idx)])


@pytest.mark.usefixtures("small_chunks")
def test_memory_does_not_grow_with_the_trials() -> None:
    world = random_world(64, 4000, 800, seed=3)
    packed = world.batch()

    def batches(times: int) -> Iterator[TrialBatch]:
        for k in range(times):
            yield replace(packed, trials=packed.trials + 64 * k)

    def peak(times: int) -> int:
        block = Block("some", 0, np.arange(100), np.arange(800))
        tracemalloc.start()
        count_examples(batches(times), source="run", n_train=4000, n_test=800)
        (tally,) = count_blocks(lambda: batches(times), [block], source="run", n_train=4000, n_test=800)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(tally.trials) == 64 * times
        return most

    peak(1)
    assert peak(40) < 1.2 * peak(4)


def test_no_batch_gives_the_empty_tally() -> None:
    world = random_world(3, 10, 5, seed=0)
    assert counts(examples_of(world, [])) == counts(ExampleTally.empty(10, 5))
    assert examples_of(world, []).n_trials == 0
    tally = pairs_of(world, batches=[])
    assert (len(tally.trials), tally.correct_in.any()) == (0, False)
    assert counts(examples_of(world, world.batches(0, 0, 3))) == counts(examples_of(world))


def test_blocks_without_examples_are_counted() -> None:
    world = random_world(5, 10, 5, seed=0)
    none, some = np.empty(0, dtype=np.int64), np.arange(3)
    shapes = [
        pairs_of(world, Block("b", 0, *idx)).correct_in.shape for idx in ((none, some), (some, none), (none, none))
    ]
    assert shapes == [(0, 3), (3, 0), (0, 0)]
    assert list(count_blocks(lambda: [world.batch()], [], source="run", n_train=10, n_test=5)) == []


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("twice", [0, 69])
def test_a_trial_given_twice_is_refused(twice: int) -> None:
    world = random_world(70, 10, 5, seed=0)
    batches = [world.batch(), world.batch([twice])]
    with pytest.raises(TallyError, match=f"trial {twice} of source run is given twice"):
        examples_of(world, batches)
    with pytest.raises(TallyError, match=f"trial {twice} of source run is given twice"):
        pairs_of(world, batches=batches)


def test_two_readings_must_give_the_same_trials() -> None:
    world = random_world(4, 10, 5, seed=0)
    readings = iter([world.batches(), world.batches()[:0]])
    with pytest.raises(TallyError, match="gives 0 trials, expected the 4 trials"):
        list(
            count_blocks(
                lambda: next(readings), [every_pair(world)], source="run", n_train=10, n_test=5, memory_limit=100
            )
        )


def test_a_batch_of_another_data_set_is_refused() -> None:
    world = random_world(4, 10, 5, seed=0)
    batch = world.batch()
    with pytest.raises(TallyError, match=r"subset_mask is uint8 \(4, 2\), expected uint8 \(4, 3\)"):
        count_examples([batch], source="run", n_train=17, n_test=5)
    wrong = replace(batch, subset_mask=batch.subset_mask[:3])
    with pytest.raises(TallyError, match="subset_mask"):
        examples_of(world, [wrong])
    wrong = replace(batch, trials=batch.trials.astype(np.int32))
    with pytest.raises(TallyError, match="trials is int32"):
        examples_of(world, [wrong])


@pytest.mark.parametrize(("n_train", "n_test", "side"), [(9, 5, "train"), (10, 4, "test")])
def test_a_block_beyond_the_data_is_refused_before_anything_is_read(n_train: int, n_test: int, side: str) -> None:
    block = every_pair(random_world(4, 10, 5, seed=0))
    with pytest.raises(TallyError, match=f"has {side} position"):
        count_blocks(pytest.fail, [block], source="run", n_train=n_train, n_test=n_test)


@pytest.mark.parametrize("limits", [{"memory_limit": 0}, {"threads": 0}])
def test_impossible_limits_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(InputError, match="expected 1 or more"):
        count_blocks(pytest.fail, [], source="run", n_train=1, n_test=1, **limits)


def test_positions_may_be_read_only_and_strided() -> None:
    world = random_world(9, 20, 12, seed=1)
    tr_idx, tt_idx = np.arange(20)[::2], np.arange(12)[::3]
    tr_idx.flags.writeable = tt_idx.flags.writeable = False
    tally: BlockTally = pairs_of(world, Block("some", 0, tr_idx, tt_idx))
    np.testing.assert_array_equal(tally.correct_in, pairs_of(world).correct_in[::2, ::3])


@given(st.integers(0, 40))
def test_rows_are_packed_with_the_first_example_lowest(n: int) -> None:
    rows = np.eye(n, dtype=np.bool_)
    packed = pack(rows)
    assert packed.shape == (n, packed_width(n))
    for i in range(n):
        assert packed[i, i // 8] == 1 << i % 8
        assert int(packed[i].sum()) == 1 << i % 8
