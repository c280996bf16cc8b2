"""A small world with everything that a release must get right: pairs, an undefined score, a class without tests."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.release.content import ReleaseContent
from mempipe.release.manifest import DataSource
from mempipe.release.subset_design import SubsetDesign
from mempipe.scores.tally import BlockTally, ExampleTally, Scope, TrialSet, blocks_of

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ALWAYS_SEEN, NEVER_SEEN, MEMORIZED, INFLUENCED = 3, 4, 0, 0
"""Train 3 is in every subset, train 4 in none; test 0 is predicted right iff train 0 was seen (as is train 0)."""


@dataclass(frozen=True)
class World:
    """Outcomes of trials, bool [trial, example]; counted here by plain sums, without mempipe."""

    mask: NDArray[np.bool_]
    train: NDArray[np.bool_]
    test: NDArray[np.bool_]
    train_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    first_trial: int = 0

    @property
    def trials(self) -> TrialSet:
        return TrialSet.from_ids("run", np.arange(len(self.mask)) + self.first_trial)

    def part(self, start: int, stop: int) -> "World":
        rows = slice(start, stop)
        return replace(
            self,
            mask=self.mask[rows],
            train=self.train[rows],
            test=self.test[rows],
            first_trial=self.first_trial + start,
        )

    def examples(self) -> ExampleTally:
        n_in = self.mask.sum(axis=0, dtype=np.int64)
        return ExampleTally(
            self.trials,
            n_in,
            len(self.mask) - n_in,
            (self.mask & self.train).sum(axis=0, dtype=np.int64),
            (~self.mask & self.train).sum(axis=0, dtype=np.int64),
            self.test.sum(axis=0, dtype=np.int64),
        )

    def blocks(self, scope: Scope = Scope.CLASS, rows: int | None = None) -> Iterator[BlockTally]:
        """Count block by block; with `rows`, each block comes in parts of that many rows."""
        counts = self.mask.T.astype(np.int32) @ self.test.astype(np.int32)
        for block in blocks_of(self.train_labels, self.test_labels, scope):
            step = rows or len(block.tr_idx)
            for start in range(0, len(block.tr_idx), step):
                part = block if step >= len(block.tr_idx) else block.rows(start, min(start + step, len(block.tr_idx)))
                yield BlockTally(part, counts[np.ix_(part.tr_idx, part.tt_idx)], self.trials)

    def quality(self) -> pa.Table:
        n = len(self.mask)
        seen = self.mask.sum(axis=1)
        return pa.table(
            {
                "trial": np.arange(n) + self.first_trial,
                "n_subset": seen,
                "train_accuracy_in": (self.mask & self.train).sum(axis=1) / seen,
                "train_accuracy_out": (~self.mask & self.train).sum(axis=1) / (~self.mask).sum(axis=1),
                "test_accuracy": self.test.mean(axis=1),
                "odd": pa.array([False] * n),
                "odd_reason": pa.array([None] * n, pa.string()),
                "seconds": np.linspace(1, 2, n),
                "device": pa.array(["cpu"] * n),
                "hardware": pa.array(["abc"] * n),
                "shard": pa.array(["shards/x.npz"] * n),
            }
        )

    def content(self, *, scope: Scope = Scope.CLASS, rows: int | None = None, **changes: Any) -> ReleaseContent:
        fields: dict[str, Any] = {
            "name": "tiny",
            "key": "ab12" * 16,
            "key_kind": "run",
            "examples": self.examples(),
            "blocks": lambda: self.blocks(scope, rows),
            "scope": scope,
            "train_labels": self.train_labels,
            "test_labels": self.test_labels,
            "class_names": ("zero", "one", "two", "nobody"),
            "trials": self.quality(),
            "subsets": SubsetDesign(design="uniform", ratio="0.7", seed=1, subset_size=28),
            "data": DataSource(name="tiny", fingerprint="f" * 64, image_shape=(8, 8, 1), license="CC BY 4.0"),
            "spec": {"model": {"name": "mlp"}, "recipe": {"epochs": 3}},
            "created": CREATED,
        }
        return ReleaseContent(**{**fields, **changes})


def make_world(n_trials: int = 40, *, n_train: int = 41, n_test: int = 23, seed: int = 0) -> World:
    """Return a world of 3 classes (the third without tests, a fourth without examples)."""
    rng = np.random.default_rng(seed)
    train_labels = np.arange(n_train, dtype=np.int64) % 3
    test_labels = np.arange(n_test, dtype=np.int64) % 2
    mask = rng.random((n_trials, n_train)) < 0.7
    mask[:, ALWAYS_SEEN], mask[:, NEVER_SEEN] = True, False
    mask[: n_trials // 2, MEMORIZED], mask[n_trials // 2 :, MEMORIZED] = True, False
    train = rng.random((n_trials, n_train)) < 0.8
    test = rng.random((n_trials, n_test)) < 0.8
    train[:, MEMORIZED] = mask[:, MEMORIZED]
    test[:, INFLUENCED] = mask[:, MEMORIZED]
    return World(mask, train, test, train_labels, test_labels)
