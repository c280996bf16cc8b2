"""A run's predictions: what a plain loop over the shards' files gives, in blocks of any size, and for any examples."""

import subprocess
import sys
import tracemalloc
import uuid
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mempipe
from mempipe.catalog.bank import Bank
from mempipe.catalog.predictions import Predictions, Selection
from mempipe.errors import (
    CorruptShardError,
    ForeignShardError,
    IncompleteRunError,
    InputError,
    ObjectNotFoundError,
    RunError,
)
from mempipe.npz import decode_checked, encode_checked
from mempipe.runs import Span
from mempipe.runs.bank import BANK
from mempipe.scores.tally import TrialBatch
from mempipe.storage import put
from tests.release.test_imports import HEAVY
from tests.validation.conftest import N_TEST, N_TRAIN, World, make_world

Arrays = dict[str, NDArray[Any]]


@pytest.fixture
def world() -> World:
    """Trials 0 to 24 in shards of 10, 10 and 5, with everything that a bank keeps."""
    world = make_world(uri=f"memory://{uuid.uuid4().hex}/runs/small-aaaaaaaaaaaa", outcomes=BANK)
    world.fill(25)
    return world


@pytest.fixture
def bank(world: World) -> Bank:
    return mempipe.open_run(world.run.uri)


def plain(world: World) -> Arrays:
    """All trials by a plain loop over the files; a trial of two files is that of the first."""
    rows: dict[int, Arrays] = {}
    for _, content in sorted(world.objects("shards/").items()):
        arrays = decode_checked(content)
        for row, trial in enumerate(arrays["trials"].tolist()):
            values = {"trials": np.asarray(trial)}
            for name, n in (("subset_mask", N_TRAIN), ("train_correct", N_TRAIN), ("test_correct", N_TEST)):
                values[name] = np.unpackbits(arrays[name][row], bitorder="little")[:n] == 1
            for part in ("train", "test"):
                values[f"{part}_margin"] = arrays[f"{part}_margin"][row].astype(np.float32)
                values[f"{part}_prediction"] = arrays[f"{part}_prediction"][row]
            rows.setdefault(trial, values)
    return {name: np.stack([rows[trial][name] for trial in sorted(rows)]) for name in rows[min(rows)]}


def arrays_of(predictions: Predictions) -> Arrays:
    parts = {"train": predictions.train, "test": predictions.test}
    outcomes = {f"{part}_{name}": values for part, sides in parts.items() for name, values in sides.items()}
    return {"trials": predictions.trials, "subset_mask": predictions.subset_mask} | outcomes


def joined(bank: Bank, **options: Any) -> Arrays:
    blocks = [arrays_of(block) for block in bank.predictions(**options)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def assert_same(got: Arrays, expected: Arrays) -> None:
    assert got.keys() == expected.keys()
    for name, values in got.items():
        assert values.dtype == expected[name].dtype, name
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


@pytest.mark.parametrize("block", [1, 3, 10, 15, 24, 25, 1000])
def test_blocks_of_any_size_are_a_plain_loop(world: World, bank: Bank, block: int) -> None:
    assert_same(joined(bank, block=block), plain(world))
    sizes = [len(one.trials) for one in bank.predictions(block=block)]
    assert sizes == [block] * (25 // block) + [25 % block] * (25 % block > 0)


def test_each_trial_once_from_the_first_shard_that_holds_it(world: World, bank: Bank) -> None:
    before = plain(world)
    world.commit(Span(5, 15), flavour=1)
    world.commit(Span(22, 28), flavour=1)
    after = plain(world)
    np.testing.assert_array_equal(after["test_correct"][:10], before["test_correct"][:10])
    assert (after["test_correct"][10:15] != before["test_correct"][10:15]).any()
    np.testing.assert_array_equal(bank.trials, np.arange(28))
    assert_same(joined(bank, block=4), after)


@pytest.mark.parametrize("trials", [range(25), range(3, 25, 7), [24, 9, 10, 9], np.array([12])])
@pytest.mark.parametrize("block", [2, 100])
def test_chosen_trials(world: World, bank: Bank, trials: Any, block: int) -> None:
    rows = sorted(set(trials))
    expected = {name: values[rows] for name, values in plain(world).items()}
    assert_same(joined(bank, trials=trials, block=block), expected)
    assert_same(arrays_of(bank.columns(trials=trials)), expected)


@pytest.mark.parametrize(
    ("train", "test"), [([0], [N_TEST - 1]), (range(N_TRAIN - 1, -1, -3), []), ([], [3, 3, 0]), (None, np.array([7]))]
)
def test_columns_are_those_of_the_blocks(world: World, bank: Bank, train: Any, test: Any) -> None:
    columns = {
        "train": list(range(N_TRAIN)) if train is None else list(train),
        "subset": list(range(N_TRAIN)) if train is None else list(train),
        "test": list(test),
    }
    expected = {
        name: values if name == "trials" else values[:, columns[name.partition("_")[0]]]
        for name, values in plain(world).items()
    }
    assert_same(arrays_of(bank.columns(train=train, test=test)), expected)


def test_some_columns_are_decoded_without_the_others() -> None:
    """One column of 10 trials of 100,000 + 100,000 examples needs less memory than one trial's row of bytes."""
    n, trials = 100_000, np.arange(10)
    arrays = {"correct": np.zeros((10, n // 8), np.uint8), "margin": np.zeros((10, n), np.float16)}
    arrays["prediction"] = np.zeros((10, n), np.uint8)
    batch = TrialBatch(trials, arrays["correct"], arrays, arrays)
    data = make_world().run.record.data.model_copy(update={"n_train": n, "n_test": n})
    selection = Selection(data, BANK, np.array([n - 1]), np.array([0]))
    selection.decode(batch, slice(10))
    tracemalloc.start()
    try:
        selection.decode(batch, slice(10))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < n


def test_chosen_outcomes(world: World, bank: Bank) -> None:
    everything = plain(world)
    expected = {name: values for name, values in everything.items() if "correct" not in name and "pred" not in name}
    assert_same(joined(bank, outcomes=["margin"]), expected)
    masks = bank.columns(outcomes=(), test=[])
    assert_same(arrays_of(masks), {name: everything[name] for name in ("trials", "subset_mask")})


def test_a_block_keeps_neither_a_shard_nor_the_block_before(bank: Bank) -> None:
    blocks = bank.predictions(block=4)
    block = next(blocks)
    assert all(values.base is None for values in arrays_of(block).values())
    earlier = weakref.ref(block.subset_mask)
    del block
    next(blocks)
    assert earlier() is None


def test_what_the_run_is(world: World, bank: Bank) -> None:
    assert (bank.uri, bank.record) == (world.run.uri, world.run.record)
    assert (bank.class_names, bank.outcomes) == (("zero", "one", "two"), BANK)
    np.testing.assert_array_equal(bank.labels.test, np.arange(N_TEST) % 3)
    np.testing.assert_array_equal(bank.trials, np.arange(25))
    world.commit(Span(30, 40))
    np.testing.assert_array_equal(bank.trials, [*range(25), *range(30, 40)])
    assert len(joined(bank)["trials"]) == 35


def test_a_damaged_shard_is_named(world: World, bank: Bank) -> None:
    """A flipped bit is an error, or it is in a byte that means nothing and changes no value, such as a zip's date."""
    key = world.ref(Span(10, 20)).key
    content = world.run.store.read(key)
    expected = {name: values[:20] for name, values in plain(world).items()}
    errors: list[CorruptShardError] = []
    positions = range(0, len(content), 97)
    for position in positions:
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        put(world.run.store, key, bytes(damaged))
        blocks = bank.predictions(block=10, trials=range(20))
        parts = [arrays_of(next(blocks))]  # of the whole shard before it
        try:
            parts.append(arrays_of(next(blocks)))
        except CorruptShardError as error:
            errors.append(error)
        assert_same(
            {name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
            {name: values[: 10 * len(parts)] for name, values in expected.items()},
        )
    assert len(errors) > 0.8 * len(positions)
    assert all(f"{world.run.uri}/{key}" in error.message and "mempipe validate" in error.hint for error in errors)
    put(world.run.store, key, content[: len(content) // 2])
    with pytest.raises(CorruptShardError, match=key):
        bank.columns(test=[0])


def test_a_shard_that_is_moved_aside_meanwhile_is_an_error(world: World, bank: Bank) -> None:
    """The trials of a call are those that were committed when it began: none is left out silently."""
    blocks = bank.predictions(block=10)
    next(blocks)
    ref = world.ref(Span(10, 20))
    world.run.store.delete(ref.key, generation=ref.generation)
    with pytest.raises(ObjectNotFoundError, match=ref.key):
        next(blocks)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"run_key": np.str_("b" * 64)}, ForeignShardError, "run_key is bbb"),
        ({"trials": np.arange(11, 21)}, CorruptShardError, "trials are 11 to 20, expected 10 to 19 as its name says"),
        ({"train_margin": None, "test_margin": None}, CorruptShardError, "train_margin is missing"),
    ],
)
def test_a_whole_shard_that_is_not_the_runs(
    world: World, bank: Bank, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    key = world.ref(Span(10, 20)).key
    arrays = decode_checked(world.run.store.read(key)) | changes
    content = encode_checked({name: np.asarray(value) for name, value in arrays.items() if value is not None})
    put(world.run.store, key, content)
    with pytest.raises(error, match=rf"{key} {message}"):
        bank.columns()


def test_what_a_run_does_not_keep() -> None:
    world = make_world(uri=f"memory://{uuid.uuid4().hex}/runs/small-aaaaaaaaaaaa")
    world.fill(10)
    bank = mempipe.open_run(world.run.uri)
    (block,) = bank.predictions()
    assert set(block.train) == set(block.test) == {"correct"}
    assert block.train.get("margin") is None
    with pytest.raises(InputError, match="outcome is 'margin', expected correct") as absent:
        block.test["margin"]
    assert "outcomes" in absent.value.hint
    with pytest.raises(InputError, match=f"outcomes have margin, expected some of correct, which {bank.uri} keeps"):
        bank.predictions(outcomes=["correct", "margin"])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"train": [N_TRAIN]}, InputError, f"train is {N_TRAIN} to {N_TRAIN}, expected positions from 0 to"),
        ({"test": [0, -1]}, InputError, "test is -1 to 0, expected positions from 0 to 20"),
        ({"test": [0.0]}, InputError, r"test is float64 \(1,\), expected"),
        ({"test": np.ones(N_TEST, dtype=bool)}, InputError, r"test is bool \(21,\), expected"),
        ({"trials": [0.5]}, InputError, r"trials is float64 \(1,\), expected numbers of trials"),
        ({"trials": range(23, 40)}, IncompleteRunError, r"trials lack 25, 26, .*34, …, expected all of the 17 chosen"),
        ({"trials": []}, IncompleteRunError, "trials are 25 committed and 0 of them chosen, expected at least one"),
    ],
)
def test_questions_without_an_answer(bank: Bank, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        bank.columns(**options)


def test_other_questions_without_an_answer(world: World, bank: Bank, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="block is 0, expected 1 or more"):
        bank.predictions(block=0)
    for ref in world.run.shards():
        world.run.store.delete(ref.key, generation=ref.generation)
    with pytest.raises(IncompleteRunError, match="trials are 0 committed"):
        bank.predictions()
    with pytest.raises(RunError, match="Run does not exist"):
        mempipe.open_run(tmp_path)


def test_reading_needs_no_heavy_module(tmp_path: Path) -> None:
    world = make_world(uri=str(tmp_path / "runs" / "small-aaaaaaaaaaaa"), outcomes=BANK)
    world.fill(10)
    code = f"""
import sys, mempipe
run = mempipe.open_run({world.run.uri!r})
print(sum(int(block.test["correct"].sum()) for block in run.predictions(block=3)), run.columns(test=[0]).trials.size)
print(sorted({HEAVY} & set(sys.modules)))
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.splitlines() == [f"{plain(world)['test_correct'].sum()} 10", "[]"]
