"""Two writers of one chunk: equal bytes are success, the first valid commit wins, equal hardware must agree."""

import dataclasses
import json
import uuid
from decimal import Decimal

import numpy as np
import pytest

from mempipe.bits import pack
from mempipe.data import Dataset
from mempipe.errors import NumericsError
from mempipe.runs import Run, Span, register_run, shard_key
from mempipe.shards import Shard, decode, encode
from mempipe.spec import NUMERICS_VERSION, Spec
from mempipe.steps.commit import Sidecar, commit_shard
from mempipe.storage import open_store
from mempipe.subsets import subset_mask

SPAN = Span(0, 3)
N_TRAIN, N_TEST = 40, 16


def small_run() -> Run:
    random = np.random.default_rng(0)
    dataset = Dataset(
        name="noise",
        train_images=random.integers(0, 256, (N_TRAIN, 2, 2, 1), dtype=np.uint8),
        train_labels=np.arange(N_TRAIN) % 2,
        test_images=random.integers(0, 256, (N_TEST, 2, 2, 1), dtype=np.uint8),
        test_labels=np.arange(N_TEST) % 2,
        pixel_max=255.0,
        class_names=("a", "b"),
    )
    spec = Spec.model_validate(
        {
            "name": "noise",
            "data": {"name": "npz", "path": "x.npz"},
            "model": {"name": "mlp"},
            "recipe": {"epochs": 1, "batch_size": 4, "learning_rate": 0.1},
            "trainer": {"kind": "single"},
            "subsets": {"ratio": Decimal("0.5")},
            "trials": 3,
        }
    )
    return register_run(open_store(f"memory://{uuid.uuid4().hex}"), spec, dataset)


def shard(run: Run, *, seed: int = 1) -> Shard:
    random = np.random.default_rng(seed)
    masks = [subset_mask(run.record.spec.subsets, n_train=N_TRAIN, seed=0, trial=trial) for trial in range(3)]
    return Shard(
        run_key=run.record.run_key,
        data_fingerprint=run.record.data.fingerprint,
        numerics_version=NUMERICS_VERSION,
        n_train=N_TRAIN,
        n_test=N_TEST,
        trials=np.arange(3),
        subset_mask=pack(np.stack(masks)),
        train={"correct": pack(random.random((3, N_TRAIN)) < 0.9)},
        test={"correct": pack(random.random((3, N_TEST)) < 0.9)},
    )


def sidecar(hardware: str = "cpu-a", seconds: float = 1.0) -> Sidecar:
    return Sidecar({"hardware_key": hardware}, {"numpy": "2"}, "cpu", dict.fromkeys(range(3), seconds), "t0", "t1")


def keys(run: Run, prefix: str) -> list[str]:
    return [info.key for info in run.store.list(prefix)]


def test_a_retry_with_equal_bytes_is_success_and_keeps_the_first_sidecar() -> None:
    run = small_run()
    assert commit_shard(run, SPAN, shard(run), sidecar(seconds=1.0)) == "created"
    assert commit_shard(run, SPAN, shard(run), sidecar(seconds=9.0)) == "already there, equal"
    (key,) = keys(run, "sidecars/")
    assert json.loads(run.store.read(key))["seconds"]["0"] == 1.0
    assert keys(run, "differences/") == []


def test_other_hardware_may_differ_and_the_first_commit_wins() -> None:
    run = small_run()
    commit_shard(run, SPAN, shard(run, seed=1), sidecar("cpu-a"))
    note = commit_shard(run, SPAN, shard(run, seed=2), sidecar("cpu-b"))
    assert "came first and stays" in note
    assert run.store.read(shard_key(SPAN)) == encode(shard(run, seed=1))
    (key,) = keys(run, "differences/")
    assert run.store.read(key) == encode(shard(run, seed=2))


def test_equal_hardware_must_agree() -> None:
    run = small_run()
    commit_shard(run, SPAN, shard(run, seed=1), sidecar("cpu-a"))
    with pytest.raises(NumericsError, match="not reproducible"):
        commit_shard(run, SPAN, shard(run, seed=2), sidecar("cpu-a"))
    assert run.store.read(shard_key(SPAN)) == encode(shard(run, seed=1))


@pytest.mark.parametrize("how", ["garbage", "foreign", "other mask"])
def test_an_invalid_shard_in_the_way_is_moved_aside(how: str) -> None:
    run = small_run()
    good = shard(run)
    bad = {
        "garbage": b"garbage",
        "foreign": encode(dataclasses.replace(good, run_key="0" * 64)),
        "other mask": encode(dataclasses.replace(good, subset_mask=good.train["correct"])),
    }[how]
    run.store.create(shard_key(SPAN), bad)
    assert commit_shard(run, SPAN, good, sidecar()) == "created"
    assert decode(run.store.read(shard_key(SPAN)), source="x").run_key == good.run_key
    (copy,) = [key for key in keys(run, "quarantine/") if key.endswith(".npz")]
    assert run.store.read(copy) == bad
