"""Checkpoints as objects: complete or skipped, never of another run, never in the way of training."""

import io
import logging
from typing import Any

import numpy as np
import pytest

from mempipe.errors import GenerationError, StoreUnavailableError
from mempipe.storage.memory import MemoryStore, open_uri
from mempipe.training.checkpoints import Checkpoint, Checkpoints

RUN = "a" * 64


def values(offset: float = 0) -> list[Any]:
    return [np.arange(6, dtype=np.float32).reshape(2, 3) + offset, np.array(7, dtype=np.int64)]


@pytest.fixture
def store(request: pytest.FixtureRequest) -> MemoryStore:
    return open_uri(f"memory://{request.node.name.replace('[', '.').replace(']', '').replace('_', '-')}")


def keys(store: MemoryStore) -> list[str]:
    return [info.key.removeprefix("checkpoints/") for info in store.list()]


def test_the_newest_comes_back_and_only_two_stay(store: MemoryStore) -> None:
    checkpoints = Checkpoints(store)
    assert checkpoints.latest(3, values(), run_key=RUN) is None
    for step in (50, 100, 1000):
        checkpoints.save(3, Checkpoint(step, values(step)), run_key=RUN)
    checkpoints.save(30, Checkpoint(7, values()), run_key=RUN)
    assert keys(store) == [
        "trial=000003/step=000000100.npz",
        "trial=000003/step=000001000.npz",
        "trial=000030/step=000000007.npz",
    ]
    checkpoint = checkpoints.latest(3, values(), run_key=RUN)
    assert checkpoint is not None
    assert checkpoint.step == 1000
    for left, right in zip(checkpoint.values, values(1000), strict=True):
        np.testing.assert_array_equal(left, right)
        assert left.dtype == right.dtype


def test_clearing_takes_only_the_named_trials(store: MemoryStore) -> None:
    checkpoints = Checkpoints(store)
    for trial in (1, 2, 3):
        checkpoints.save(trial, Checkpoint(5, values()), run_key=RUN)
    store.create("shards/other", b"stays")
    checkpoints.clear(range(2, 9))
    assert [info.key for info in store.list()] == ["checkpoints/trial=000001/step=000000005.npz", "shards/other"]


def test_a_second_writer_changes_nothing(store: MemoryStore) -> None:
    checkpoints = Checkpoints(store)
    checkpoints.save(1, Checkpoint(5, values()), run_key=RUN)
    checkpoints.save(1, Checkpoint(5, values()), run_key=RUN)
    checkpoints.save(1, Checkpoint(5, values(1)), run_key=RUN)
    checkpoint = checkpoints.latest(1, values(), run_key=RUN)
    assert checkpoint is not None
    np.testing.assert_array_equal(checkpoint.values[0], values()[0])


def damaged(kind: str, content: bytes) -> bytes:
    if kind == "truncated":
        return content[:-40]
    if kind == "flipped":
        middle = len(content) // 2
        return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
    if kind == "empty":
        return b""
    arrays = dict(np.load(io.BytesIO(content)))
    if kind == "changed":
        arrays["value_0000"] = arrays["value_0000"] + 1
    elif kind == "without checksum":
        del arrays["checksum"]
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["truncated", "flipped", "empty", "changed", "without checksum"])
def test_damage_is_logged_and_the_older_one_is_used(
    kind: str, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints(store)
    for step in (5, 6):
        checkpoints.save(1, Checkpoint(step, values(step)), run_key=RUN)
    newest = list(store.list())[-1]
    store.replace(newest.key, damaged(kind, store.read(newest.key)), generation=newest.generation)
    with caplog.at_level(logging.WARNING):
        checkpoint = checkpoints.latest(1, values(), run_key=RUN)
    assert checkpoint is not None
    assert checkpoint.step == 5
    assert newest.key in caplog.text


@pytest.mark.parametrize("what", ["run", "shape", "dtype", "count"])
def test_what_does_not_belong_here_is_not_used(what: str, store: MemoryStore) -> None:
    checkpoints = Checkpoints(store)
    checkpoints.save(1, Checkpoint(5, values()), run_key=RUN)
    like, run_key = values(), RUN
    if what == "run":
        run_key = "b" * 64
    elif what == "shape":
        like[0] = like[0].T
    elif what == "dtype":
        like[0] = like[0].astype(np.float64)
    else:
        like = like[:1]
    assert checkpoints.latest(1, like, run_key=run_key) is None


@pytest.mark.parametrize("method", ["create", "list", "delete", "read"])
@pytest.mark.parametrize("error", [StoreUnavailableError, GenerationError])
def test_a_passing_fault_of_the_store_does_not_stop_training(
    method: str, error: type[Exception], store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(store)
    for step in (1, 2):
        checkpoints.save(1, Checkpoint(step, values()), run_key=RUN)

    def fail(*_: object, **__: object) -> None:
        raise error("Store does not answer.", hint="wait.")

    monkeypatch.setattr(MemoryStore, method, fail)
    checkpoints.save(1, Checkpoint(3, values()), run_key=RUN)
    checkpoints.latest(1, values(), run_key=RUN)
    checkpoints.clear([1])
