"""A small run with honest shards, made without training: outcomes are drawn at random around a fixed accuracy."""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

import numpy as np
import pytest

from mempipe.bits import pack
from mempipe.runs import DataInfo, Run, RunRecord, ShardRef, Span, shard_key, sidecar_key
from mempipe.shards import Shard, encode
from mempipe.spec import Component, Recipe, Single, Spec, Subsets
from mempipe.storage import open_store
from mempipe.subsets import subset_mask, subset_size
from tests.validation.release_tables import release

__all__ = ["release"]

N_TRAIN, N_TEST, N_CLASSES = 43, 21, 3
_names = count()


@dataclass(frozen=True)
class World:
    run: Run
    chunk_size: int

    def shard(self, span: Span, *, accuracy: float = 0.8, flavour: int = 0) -> Shard:
        """An honest shard; another `flavour` has other outcomes of the same trials."""
        spec = self.run.record.spec
        random = [np.random.default_rng([flavour, trial]) for trial in range(*span)]
        masks = [subset_mask(spec.subsets, n_train=N_TRAIN, seed=spec.seed, trial=trial) for trial in range(*span)]
        train = np.stack([rng.random(N_TRAIN) < accuracy for rng in random])
        test = np.stack([rng.random(N_TEST) < accuracy for rng in random])
        labels = self.run.labels
        train_values = {
            "correct": pack(train),
            "margin": np.where(train, 3, -3).astype(np.float16),
            "prediction": ((labels.train + ~train) % N_CLASSES).astype(np.uint8),
        }
        test_values = {
            "correct": pack(test),
            "margin": np.where(test, np.inf, -np.inf).astype(np.float16),
            "prediction": ((labels.test + ~test) % N_CLASSES).astype(np.uint8),
        }
        return Shard(
            run_key=self.run.record.run_key,
            data_fingerprint=self.run.record.data.fingerprint,
            numerics_version=self.run.record.numerics_version,
            n_train=N_TRAIN,
            n_test=N_TEST,
            trials=np.arange(*span, dtype=np.int64),
            subset_mask=pack(np.stack(masks)),
            train={name: train_values[name] for name in spec.kept_outcomes},
            test={name: test_values[name] for name in spec.kept_outcomes},
        )

    def put(self, span: Span, content: bytes) -> ShardRef:
        """Put bytes where the shard of these trials belongs."""
        self.run.store.create(shard_key(span), content)
        return self.ref(span)

    def ref(self, span: Span) -> ShardRef:
        return next(ref for ref in self.run.shards() if ref.span == span)

    def commit(self, span: Span, **options: Any) -> ShardRef:
        """Commit an honest shard with its sidecar."""
        content = encode(self.shard(span, **options))
        digest = hashlib.sha256(content).hexdigest()
        sidecar = {
            "shard_sha256": digest,
            "hardware": {"cpu": "test", "hardware_key": "machine-1"},
            "device": "CPU",
            "software": {"numpy": "2"},
            "seconds": {str(trial): 1.5 for trial in range(*span)},
            "started": "2026-01-01T00:00:00+00:00",
            "finished": "2026-01-01T00:01:00+00:00",
        }
        self.run.store.create(sidecar_key(span, digest), json.dumps(sidecar).encode())
        return self.put(span, content)

    def fill(self, n_trials: int) -> None:
        """Commit every chunk of the trials 0 to `n_trials` - 1."""
        for start in range(0, n_trials, self.chunk_size):
            self.commit(Span(start, min(n_trials, start + self.chunk_size)))

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        return {info.key: self.run.store.read(info.key) for info in self.run.store.list(prefix)}


def make_world(
    *,
    uri: str = "",
    design: str = "uniform",
    outcomes: tuple[str, ...] = ("correct",),
    chunk_size: int = 10,
    seed: int = 5,
) -> World:
    spec = Spec(
        name="small",
        data=Component(name="none"),
        model=Component(name="none"),
        recipe=Recipe(epochs=1, batch_size=8, learning_rate=0.1),
        trainer=Single(kind="single"),
        subsets=Subsets(design=design, ratio=Decimal("0.7")),
        seed=seed,
        outcomes=outcomes,
        chunk_size=chunk_size,
    )
    record = RunRecord(
        run_key="a" * 64,
        numerics_version=1,
        spec=spec,
        data=DataInfo(
            name="none",
            fingerprint="d" * 64,
            n_train=N_TRAIN,
            n_test=N_TEST,
            class_names=("zero", "one", "two"),
            image_shape=(1, 1, 1),
        ),
        subset_size=subset_size(spec.subsets, N_TRAIN),
    )
    store = open_store(uri or f"memory://validation-{next(_names)}")
    labels = io.BytesIO()
    np.savez(labels, train_labels=np.arange(N_TRAIN) % N_CLASSES, test_labels=np.arange(N_TEST) % N_CLASSES)
    store.create("labels.npz", labels.getvalue())
    store.create("run.json", record.to_json())
    return World(Run(store, record), chunk_size)


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture(name="make_world")
def make_world_fixture() -> Callable[..., World]:
    return make_world
