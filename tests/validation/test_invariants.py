"""Every defect of a shard is found, and the message says where; honest shards pass."""

import hashlib
import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mempipe.errors import CorruptShardError, ForeignShardError, ShardError
from mempipe.npz import encode_checked
from mempipe.runs import ShardRef, Span, shard_key
from mempipe.shards import Shard, encode
from mempipe.storage import ObjectInfo
from mempipe.validation.invariants import check_shard

SPAN = Span(20, 30)
OUTCOMES = [("correct",), ("correct", "margin"), ("correct", "margin", "prediction")]


def check(world: Any, shard: Shard | bytes, span: Span = SPAN) -> Shard:
    content = shard if isinstance(shard, bytes) else encode(shard)
    return check_shard(content, ShardRef(span, ObjectInfo(shard_key(span), len(content), "1")), world.run)


@pytest.mark.parametrize("design", ["uniform", "balanced"])
@pytest.mark.parametrize("outcomes", OUTCOMES)
def test_an_honest_shard_passes(make_world: Callable[..., Any], design: str, outcomes: tuple[str, ...]) -> None:
    world = make_world(design=design, outcomes=outcomes)
    shard = check(world, world.shard(SPAN))
    assert np.array_equal(shard.trials, np.arange(20, 30))


def test_every_truncation_is_found(world: Any) -> None:
    content = encode(world.shard(SPAN))
    for size in [*range(0, len(content), 41), len(content) - 1]:
        with pytest.raises(CorruptShardError, match=r"Shard is corrupt: memory://.*trials=000020-000029\.npz"):
            check(world, content[:size])


@pytest.mark.parametrize("outcomes", OUTCOMES)
def test_every_flipped_bit_is_found(make_world: Callable[..., Any], outcomes: tuple[str, ...]) -> None:
    """Also one in a byte that means nothing, such as a date in the zip's directory."""
    world = make_world(outcomes=outcomes)
    content = encode(world.shard(SPAN))
    for position in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 1 << (position % 8)
        with pytest.raises(CorruptShardError):
            check(world, bytes(damaged))


@pytest.mark.parametrize(
    ("outcomes", "digest"),
    [
        (("correct",), "4f6f234f21e2ba197c3c485a61c9d3f0a6b6c893a15ca405f5402d92c6c3c315"),
        (("correct", "margin"), "a6a6071d118e98fe9c9b611c2544fe7af6082d2557c50e06c13c3d20bf79879a"),
        (("correct", "margin", "prediction"), "98f4c6dfe0f2b7b3b9f845724df8e2bc1911e2211485932205cd2ee9d80c51f2"),
    ],
)
def test_bytes_of_a_shard_are_golden(outcomes: tuple[str, ...], digest: str) -> None:
    """`check_shard` compares bytes. If a new numpy or Python writes others, runs that exist would be quarantined."""
    rows = np.arange(30, dtype=np.uint8).reshape(3, 10)
    margins = np.linspace(-4, 4, 3 * 77).reshape(3, 77).astype(np.float16)
    classes = (np.arange(3 * 77) % 10).astype(np.uint8).reshape(3, 77)
    train = {"correct": rows + 1, "margin": margins, "prediction": classes}
    test = {"correct": rows + 2, "margin": -margins, "prediction": 9 - classes}
    parts = ({name: values[name] for name in outcomes} for values in (train, test))
    shard = Shard("k" * 64, "f" * 64, 1, 77, 77, np.arange(40, 43), rows, *parts)
    assert hashlib.sha256(encode(shard)).hexdigest() == digest


def test_a_shard_of_an_early_python_passes(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`numpy.savez` wrote the first shards; its zip file had another local header before Python 3.11.4."""
    shard = world.shard(SPAN)
    content = encode(shard)

    def header(member: zipfile.ZipInfo, zip64: bool | None = None) -> bytes:
        sizes, name = (member.compress_size, member.file_size), member.filename.encode()
        head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, member.CRC, *sizes, len(name), 20)
        return head + name + struct.pack("<HHQQ", 1, 16, *sizes)

    early = io.BytesIO()
    with np.load(io.BytesIO(content)) as arrays, monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipInfo, "FileHeader", header)
        np.savez(early, **arrays)
    assert early.getvalue() != content
    assert np.array_equal(check(world, early.getvalue()).trials, shard.trials)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("run_key", "9f2c" * 16, r"run_key is 9f2c9f2c9f2c…, expected aaaaaaaaaaaa…"),
        ("data_fingerprint", "e" * 64, r"data_fingerprint is eeeeeeeeeeee…, expected dddddddddddd…"),
        ("numerics_version", 2, r"numerics_version is 2, expected 1"),
        ("n_train", 42, r"n_train is 42, expected 43"),
        ("n_test", 22, r"n_test is 22, expected 21"),
    ],
)
def test_a_foreign_shard_is_named(world: Any, field: str, value: object, message: str) -> None:
    shard = replace(world.shard(SPAN), **{field: value})
    with pytest.raises(ForeignShardError, match=rf"Shard does not belong to this run: .*npz {message}\."):
        check(world, shard)


def test_a_shard_under_another_name(world: Any) -> None:
    with pytest.raises(CorruptShardError, match="trials are 20 to 29, expected 30 to 39 as its name says"):
        check(world, world.shard(SPAN), Span(30, 40))
    with pytest.raises(CorruptShardError, match="trials are 20 to 29, expected 20 to 24"):
        check(world, world.shard(SPAN), Span(20, 25))


@pytest.mark.parametrize("design", ["uniform", "balanced"])
def test_a_wrong_mask_names_its_trial(make_world: Callable[..., Any], design: str) -> None:
    world = make_world(design=design)
    shard = world.shard(SPAN)
    masks = shard.subset_mask.copy()
    masks[7, 0] ^= 3 if bin(masks[7, 0] & 3).count("1") == 1 else 1
    with pytest.raises(CorruptShardError, match=rf"trial 27 subset_mask .* of the {design} design with seed 5"):
        check(world, replace(shard, subset_mask=masks))


def test_a_mask_of_another_seed(make_world: Callable[..., Any]) -> None:
    ours, theirs = make_world(seed=5), make_world(seed=6)
    with pytest.raises(CorruptShardError, match="trial 20 subset_mask is 30 examples of which"):
        check(ours, theirs.shard(SPAN))


def test_swapped_trials(world: Any) -> None:
    shard = world.shard(SPAN)
    order = np.array([0, 1, 3, 2, 4, 5, 6, 7, 8, 9])
    swapped = replace(
        shard,
        subset_mask=shard.subset_mask[order],
        train={"correct": shard.train["correct"][order]},
        test={"correct": shard.test["correct"][order]},
    )
    with pytest.raises(CorruptShardError, match="trial 22 subset_mask"):
        check(world, swapped)


def with_row(shard: Shard, part: str, name: str, change: Callable[[Any], None], trial: int = 1) -> Shard:
    """Change the row of one trial in an outcome."""
    arrays = getattr(shard, part)
    rows = arrays[name].copy()
    change(rows[trial])
    return replace(shard, **{part: {**arrays, name: rows}})


def first_example(shard: Shard, part: str, *, correct: bool) -> int:
    """The first example of the second trial that is (not) predicted correctly."""
    bits = np.unpackbits(getattr(shard, part)["correct"], axis=1, bitorder="little")
    return int(np.flatnonzero(bits[1][:20] == correct)[0])


@pytest.mark.parametrize("part", ["train", "test"])
def test_spare_bits_are_zero(world: Any, part: str) -> None:
    def set_last(row: Any) -> None:
        row[-1] |= 0x80

    with pytest.raises(CorruptShardError, match=f"trial 24 {part}_correct has bits set beyond example"):
        check(world, with_row(world.shard(SPAN), part, "correct", set_last, trial=4))


def with_margin(shard: Shard, part: str, value: float, *, correct: bool) -> tuple[Shard, int]:
    index = first_example(shard, part, correct=correct)
    return with_row(shard, part, "margin", lambda row: row.__setitem__(index, value)), index


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize(
    ("value", "correct", "message"),
    [
        (np.nan, True, "is nan, expected a number"),
        (0.5, False, "is 0.5, expected at most 0 as its prediction is wrong"),
        (np.inf, False, "is inf, expected at most 0"),
        (-1.0, True, r"is -1.0, expected at least -0.693 as its prediction is correct"),
        (-np.inf, True, "is -inf, expected at least -0.693"),
    ],
)
def test_margins_fit_correctness(
    make_world: Callable[..., Any], part: str, value: float, correct: bool, message: str
) -> None:
    world = make_world(outcomes=("correct", "margin"))
    shard, index = with_margin(world.shard(SPAN), part, value, correct=correct)
    with pytest.raises(CorruptShardError, match=f"trial 21 {part}_margin of example {index} {message}"):
        check(world, shard)


@pytest.mark.parametrize(
    ("value", "correct"), [(0.0, True), (0.0, False), (-0.69, True), (-0.6, False), (0.001, False), (-0.695, True)]
)
def test_ties_and_rounding_are_no_defect(make_world: Callable[..., Any], value: float, correct: bool) -> None:
    """Three equal logits have margin -log 2, and the trainer decides; two classes at 1/2 have margin 0."""
    world = make_world(outcomes=("correct", "margin"))
    shard, _ = with_margin(world.shard(SPAN), "train", value, correct=correct)
    check(world, shard)


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize(
    ("shift", "correct", "message"),
    [
        (1, True, r"is [0-2], expected its label as it is correct"),
        (2, False, "is [0-2], expected another class than its label as it is wrong"),
        (3, False, "is [3-5], expected below 3, the number of classes"),
    ],
)
def test_predictions_fit_correctness(
    make_world: Callable[..., Any], part: str, shift: int, correct: bool, message: str
) -> None:
    """In this world a wrong prediction is the next class."""
    world = make_world(outcomes=("correct", "prediction"))
    shard = world.shard(SPAN)
    index = first_example(shard, part, correct=correct)

    def change(row: Any) -> None:
        row[index] = row[index] + 3 if shift == 3 else (row[index] + shift) % 3

    with pytest.raises(CorruptShardError, match=f"trial 21 {part}_prediction of example {index} {message}"):
        check(world, with_row(shard, part, "prediction", change))


def test_a_wider_type_of_predictions_than_needed(make_world: Callable[..., Any]) -> None:
    world = make_world(outcomes=("correct", "prediction"))
    shard = world.shard(SPAN)
    wide = {**shard.test, "prediction": shard.test["prediction"].astype(np.uint16)}
    with pytest.raises(CorruptShardError, match="trial 20 test_prediction is uint16, expected uint8 for 3 classes"):
        check(world, replace(shard, test=wide))


@pytest.mark.parametrize("name", ["margin", "prediction"])
def test_a_missing_outcome(make_world: Callable[..., Any], name: str) -> None:
    world = make_world(outcomes=("correct", "margin", "prediction"))
    shard = world.shard(SPAN)
    less = {
        part: {key: rows for key, rows in getattr(shard, part).items() if key != name} for part in ("train", "test")
    }
    with pytest.raises(CorruptShardError, match=rf"train_{name} is missing, expected it as the run's outcomes have"):
        check(world, replace(shard, **less))


def test_a_right_checksum_does_not_excuse_wrong_types(world: Any) -> None:
    """Whatever somebody writes, the answer is a shard's error, never a traceback."""
    with np.load(io.BytesIO(encode(world.shard(SPAN))), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "checksum"}
    for name in arrays:
        for value in (np.arange(3.0), np.asarray("text"), np.asarray(-1), np.zeros((2, 2, 2), np.uint8)):
            changed = {**arrays, name: value}
            with pytest.raises(ShardError):
                check(world, encode_checked(changed))
