"""Shards: equal content gives equal bytes, and no damaged byte goes unnoticed."""

import dataclasses
import io
import zipfile
from typing import Any

import numpy as np
import pytest

from mempipe.bits import pack, unpack
from mempipe.errors import CorruptShardError, LaterVersionError, ShardError
from mempipe.npz import encode_checked
from mempipe.outcomes import available, outcome
from mempipe.shards import Shard, decode, encode

LATEST = max(outcome(name).FORMAT_VERSION for name in available())


def shard(outcomes: tuple[str, ...] = ("correct",), *, c: int = 3, n_train: int = 21, n_test: int = 5) -> Shard:
    random = np.random.default_rng(7)

    def values(n: int) -> dict[str, Any]:
        every = {
            "correct": pack(random.random((c, n)) < 0.9),
            "margin": random.normal(size=(c, n)).astype(np.float16),
            "prediction": random.integers(0, 300, (c, n)).astype(np.uint16),
        }
        return {name: every[name] for name in outcomes}

    return Shard(
        run_key="k" * 64,
        data_fingerprint="f" * 64,
        numerics_version=1,
        n_train=n_train,
        n_test=n_test,
        trials=np.arange(40, 40 + c, dtype=np.int64),
        subset_mask=pack(random.random((c, n_train)) < 0.7),
        train=values(n_train),
        test=values(n_test),
    )


@pytest.mark.parametrize(
    ("outcomes", "version"),
    [
        (("correct",), 1),
        (("correct", "margin"), 1),
        (("correct", "prediction"), 2),
        (("correct", "margin", "prediction"), 2),
    ],
)
def test_round_trip(outcomes: tuple[str, ...], version: int) -> None:
    original = shard(outcomes)
    content = encode(original)
    read = decode(content, source="x")
    for field in dataclasses.fields(Shard):
        np.testing.assert_equal(getattr(read, field.name), getattr(original, field.name))
    with np.load(io.BytesIO(content)) as archive:
        assert archive["format_version"] == version
        assert {f"{part}_{name}" for part in ("train", "test") for name in outcomes} <= set(archive.files)


def arrays_of(content: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(content)) as archive:
        return {name: archive[name] for name in archive.files if name != "checksum"}


def test_a_shard_of_a_later_version_is_not_called_corrupt() -> None:
    later = arrays_of(encode(shard())) | {"format_version": np.int64(LATEST + 1), "train_depth": np.zeros(3)}
    with pytest.raises(
        LaterVersionError, match=rf"gs://b/x format_version is {LATEST + 1}, expected at most {LATEST}: it was written"
    ):
        decode(encode_checked(later), source="gs://b/x")
    assert not issubclass(LaterVersionError, ShardError)


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": np.int64(0)},
        {"format_version": np.float64(3)},
        {"train_depth": np.zeros((3, 21))},
        {"format_version": np.int64(1), "train_prediction": np.zeros((3, 21), np.uint8)},
    ],
)
def test_what_no_version_writes_is_corrupt(change: dict[str, Any]) -> None:
    with pytest.raises(CorruptShardError):
        decode(encode_checked(arrays_of(encode(shard())) | change), source="x")


def test_equal_shards_give_equal_bytes() -> None:
    assert encode(shard()) == encode(shard())


def test_a_shard_is_a_plain_npz() -> None:
    with np.load(io.BytesIO(encode(shard())), allow_pickle=False) as archive:
        bits = np.unpackbits(archive["subset_mask"], axis=1, count=21, bitorder="little")
        assert np.array_equal(bits.astype(bool), unpack(shard().subset_mask, 21))
        assert archive["trials"].tolist() == [40, 41, 42]


@pytest.mark.parametrize("n", [1, 7, 8, 9, 64, 65])
def test_packing_round_trip(n: int) -> None:
    rows = np.random.default_rng(0).random((4, n)) < 0.5
    assert np.array_equal(unpack(pack(rows), n), rows)


def test_every_truncation_is_noticed() -> None:
    content = encode(shard())
    for size in range(0, len(content), 37):
        with pytest.raises(CorruptShardError, match="gs://b/x"):
            decode(content[:size], source="gs://b/x")


def test_a_flipped_bit_never_changes_what_is_read() -> None:
    """A flip either is an error or lies in a byte that means nothing (a date in the zip's directory)."""
    content = encode(shard())
    noticed = 0
    for position in range(0, len(content), 11):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        try:
            read = decode(bytes(damaged), source="x")
        except CorruptShardError:
            noticed += 1
            continue
        assert encode(read) == content, position
    assert noticed > len(content) / 11 * 0.5


def test_a_pickle_is_refused_and_not_run(tmp_path: object) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, trials=np.array([object()], dtype=object))
    with pytest.raises(CorruptShardError, match="pickled objects"):
        decode(buffer.getvalue(), source="x")


def test_other_files_are_refused() -> None:
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    single = io.BytesIO()
    np.save(single, np.arange(3))
    for content in (b"", b"hello", empty.getvalue(), single.getvalue()):
        with pytest.raises(CorruptShardError):
            decode(content, source="x")


@pytest.mark.parametrize(
    "change",
    [
        {"trials": np.array([40, 42, 43])},
        {"trials": np.array([40, 41, 42], dtype=np.int32)},
        {"n_train": 40},
        {"test": {"correct": np.zeros((2, 1), dtype=np.uint8)}},
        {"test": {}},
        {"train": {}, "test": {}},
        {"train": {"correct": np.zeros((3, 3), np.uint8), "margin": np.zeros((3, 21), np.float32)}},
    ],
)
def test_an_inconsistent_shard_cannot_be_made(change: dict[str, object]) -> None:
    with pytest.raises(CorruptShardError, match="expected"):
        dataclasses.replace(shard(), **change)  # type: ignore[arg-type]
