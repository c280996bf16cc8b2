"""What binds an own trainer's results: the run key, and what happens when a trial comes out differently."""

import dataclasses
import uuid

import numpy as np
import pytest

from mempipe.bits import pack
from mempipe.errors import NumericsError
from mempipe.runs import Run, Span, register_run, shard_key
from mempipe.shards import Shard, encode
from mempipe.spec import NUMERICS_VERSION, run_key
from mempipe.steps.commit import Sidecar, commit_shard
from mempipe.storage import open_store
from mempipe.subsets import subset_mask
from tests.own.worlds import N_TEST, N_TRAIN, spec, world

SPAN = Span(0, 2)


def test_the_run_key_follows_what_changes_a_trial() -> None:
    changes: list[dict[str, object]] = [
        {"entry": "lookup:train"},
        {"entry": "lookup:margins"},
        {"command": ["lookup:train"]},
        {"command": ["lookup:train", "--fast"]},
        {"entry": "lookup:train", "version": "2"},
        {"entry": "lookup:train", "params": {"depth": 1}},
        {"entry": "lookup:train", "params": {"depth": 1.5}},
        {"entry": "lookup:train", "output": "margins"},
        {"entry": "lookup:train", "threads": 2},
    ]
    keys = [run_key(spec(**change), data_fingerprint="x") for change in changes]
    assert len(set(keys)) == len(keys)
    for change in ({"silence_minutes": 1}, {"memory_gb": 1}, {"checkpoint_minutes": 1}):
        assert run_key(spec(entry="lookup:train", **change), data_fingerprint="x") == keys[0]


def shard(run: Run, seed: int) -> Shard:
    random = np.random.default_rng(seed)
    masks = [subset_mask(run.record.spec.subsets, n_train=N_TRAIN, seed=5, trial=trial) for trial in range(2)]
    return Shard(
        run_key=run.record.run_key,
        data_fingerprint=run.record.data.fingerprint,
        numerics_version=NUMERICS_VERSION,
        n_train=N_TRAIN,
        n_test=N_TEST,
        trials=np.arange(2),
        subset_mask=pack(np.stack(masks)),
        train={"correct": pack(random.random((2, N_TRAIN)) < 0.5)},
        test={"correct": pack(random.random((2, N_TEST)) < 0.5)},
    )


@pytest.mark.parametrize("deterministic", [True, False])
def test_two_trainings_that_differ_on_equal_hardware(deterministic: bool) -> None:
    declared = spec(entry="lookup:train", deterministic=deterministic)
    run = register_run(open_store(f"memory://{uuid.uuid4().hex}"), declared, world())
    sidecar = Sidecar({"hardware_key": "cpu-a"}, {}, "cpu", {0: 1.0, 1: 1.0}, "t0", "t1")
    first, second = shard(run, 1), shard(run, 2)
    commit_shard(run, SPAN, first, sidecar)
    if deterministic:
        with pytest.raises(NumericsError, match=r"not reproducible(?s:.*)declare trainer\.deterministic: false"):
            commit_shard(run, SPAN, second, sidecar)
    else:
        note = commit_shard(run, SPAN, second, dataclasses.replace(sidecar))
        assert "came first and stays" in note
    assert run.store.read(shard_key(SPAN)) == encode(first)
    (difference,) = run.store.list("differences/")
    assert run.store.read(difference.key) == encode(second)
