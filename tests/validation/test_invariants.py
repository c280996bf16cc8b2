"""Every defect of a shard is found, and the message says where; honest shards pass."""

import hashlib
import io
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


def check(world: Any, shard: Shard | bytes, span: Span = SPAN) -> Shard:
    content = shard if isinstance(shard, bytes) else encode(shard)
    return check_shard(content, ShardRef(span, ObjectInfo(shard_key(span), len(content), "1")), world.run)


@pytest.mark.parametrize("design", ["uniform", "balanced"])
@pytest.mark.parametrize("margins", [False, True])
def test_an_honest_shard_passes(make_world: Callable[..., Any], design: str, margins: bool) -> None:
    world = make_world(design=design, margins=margins)
    shard = check(world, world.shard(SPAN))
    assert np.array_equal(shard.trials, np.arange(20, 30))


def test_every_truncation_is_found(world: Any) -> None:
    content = encode(world.shard(SPAN))
    for size in [*range(0, len(content), 41), len(content) - 1]:
        with pytest.raises(CorruptShardError, match=r"Shard is corrupt: memory://.*trials=000020-000029\.npz"):
            check(world, content[:size])


@pytest.mark.parametrize("margins", [False, True])
def test_every_flipped_bit_is_found(make_world: Callable[..., Any], margins: bool) -> None:
    """Also one in a byte that means nothing, such as a date in the zip's directory."""
    world = make_world(margins=margins)
    content = encode(world.shard(SPAN))
    for position in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 1 << (position % 8)
        with pytest.raises(CorruptShardError):
            check(world, bytes(damaged))


def test_bytes_of_a_shard_are_golden() -> None:
    """`check_shard` compares bytes. If a new numpy writes others, runs that exist would be quarantined: then `encode`
    needs a writer of its own before that numpy is allowed."""
    rows = np.arange(30, dtype=np.uint8).reshape(3, 10)
    margins = np.linspace(-4, 4, 3 * 77).reshape(3, 77).astype(np.float16)
    shard = Shard("k" * 64, "f" * 64, 1, 77, 77, np.arange(40, 43), rows, rows + 1, rows + 2, margins, -margins)
    assert hashlib.sha256(encode(shard)).hexdigest()[:16] == "a6a6071d118e98fe"


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
        train_correct=shard.train_correct[order],
        test_correct=shard.test_correct[order],
    )
    with pytest.raises(CorruptShardError, match="trial 22 subset_mask"):
        check(world, swapped)


@pytest.mark.parametrize("field", ["subset_mask", "train_correct", "test_correct"])
def test_spare_bits_are_zero(world: Any, field: str) -> None:
    shard = world.shard(SPAN)
    rows = getattr(shard, field).copy()
    rows[4, -1] |= 0x80
    with pytest.raises(CorruptShardError, match=f"trial 24 {field}"):
        check(world, replace(shard, **{field: rows}))


def with_margin(shard: Shard, part: str, value: float, *, correct: bool) -> tuple[Shard, int]:
    """Set the margin of the first example of the second trial that is (not) predicted correctly."""
    bits = np.unpackbits(getattr(shard, f"{part}_correct"), axis=1, bitorder="little")
    index = int(np.flatnonzero(bits[1][:20] == correct)[0])
    margins = getattr(shard, f"{part}_margin").copy()
    margins[1, index] = value
    return replace(shard, **{f"{part}_margin": margins}), index


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
    world = make_world(margins=True)
    shard, index = with_margin(world.shard(SPAN), part, value, correct=correct)
    with pytest.raises(CorruptShardError, match=f"trial 21 {part}_margin of example {index} {message}"):
        check(world, shard)


@pytest.mark.parametrize(
    ("value", "correct"), [(0.0, True), (0.0, False), (-0.69, True), (-0.6, False), (0.001, False), (-0.695, True)]
)
def test_ties_and_rounding_are_no_defect(make_world: Callable[..., Any], value: float, correct: bool) -> None:
    """Three equal logits have margin -log 2, and the trainer decides; two classes at 1/2 have margin 0."""
    world = make_world(margins=True)
    shard, _ = with_margin(world.shard(SPAN), "train", value, correct=correct)
    check(world, shard)


def test_missing_margins(make_world: Callable[..., Any]) -> None:
    world = make_world(margins=True)
    shard = replace(world.shard(SPAN), train_margin=None, test_margin=None)
    with pytest.raises(CorruptShardError, match=r"train_margin is missing, expected it as spec\.margins is true"):
        check(world, shard)


def test_a_right_checksum_does_not_excuse_wrong_types(world: Any) -> None:
    """Whatever somebody writes, the answer is a shard's error, never a traceback."""
    with np.load(io.BytesIO(encode(world.shard(SPAN))), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "checksum"}
    for name in arrays:
        for value in (np.arange(3.0), np.asarray("text"), np.asarray(-1), np.zeros((2, 2, 2), np.uint8)):
            changed = {**arrays, name: value}
            with pytest.raises(ShardError):
                check(world, encode_checked(changed))
