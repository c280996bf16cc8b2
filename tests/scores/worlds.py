"""Small worlds whose outcomes are known: trials as bool arrays, and the ways to hand them to the counting."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from mempipe.bits import pack
from mempipe.scores.count import count_blocks, count_examples
from mempipe.scores.tally import Block, BlockTally, ExampleTally, TrialBatch

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class World:
    """Outcomes of trials: `mask`, `train` (c, n_train) and `test` (c, n_test)."""

    mask: Bools
    train: Bools
    test: Bools
    first_trial: int = 0

    @property
    def n_trials(self) -> int:
        return len(self.mask)

    @property
    def n_train(self) -> int:
        return self.mask.shape[1]

    @property
    def n_test(self) -> int:
        return self.test.shape[1]

    def trials(self, start: int, stop: int) -> "World":
        """Return the world of some of its trials."""
        rows = slice(start, stop)
        return World(self.mask[rows], self.train[rows], self.test[rows], self.first_trial + start)

    def batch(self, rows: Sequence[int] | NDArray[np.int64] | None = None) -> TrialBatch:
        """Return trials as one batch, by default all in order."""
        rows = np.arange(self.n_trials) if rows is None else np.asarray(rows, dtype=np.int64)
        mask, train, test = (pack(bits[rows]) for bits in (self.mask, self.train, self.test))
        return TrialBatch(rows + self.first_trial, mask, {"correct": train}, {"correct": test})

    def batches(self, *cuts: int) -> list[TrialBatch]:
        """Return the trials cut at these places; equal cuts give batches without trials."""
        edges = [0, *sorted(cuts), self.n_trials]
        return [self.batch(range(a, b)) for a, b in pairwise(edges)]


def examples_of(world: World, batches: Iterable[TrialBatch] | None = None, source: str = "run") -> ExampleTally:
    """Count the examples of a world."""
    batches = [world.batch()] if batches is None else batches
    return count_examples(batches, source=source, n_train=world.n_train, n_test=world.n_test)


def every_pair(world: World) -> Block:
    """Return the block of all pairs."""
    return Block("all", 0, np.arange(world.n_train), np.arange(world.n_test))


def pairs_of(
    world: World, block: Block | None = None, batches: list[TrialBatch] | None = None, source: str = "run"
) -> BlockTally:
    """Count one block of a world, by default all pairs."""
    batches = [world.batch()] if batches is None else batches
    (tally,) = count_blocks(
        lambda: iter(batches),
        [every_pair(world) if block is None else block],
        source=source,
        n_train=world.n_train,
        n_test=world.n_test,
    )
    return tally


def random_world(
    n_trials: int, n_train: int, n_test: int, *, seed: int, ratio: float = 0.7, accuracy: float = 0.6
) -> World:
    """Return coin flips; with few trials, some examples are in every subset or in none."""
    rng = np.random.default_rng(seed)
    return World(
        rng.random((n_trials, n_train)) < ratio,
        rng.random((n_trials, n_train)) < accuracy,
        rng.random((n_trials, n_test)) < accuracy,
    )


def enumerated_world(n: int, m: int, right: Callable[[frozenset[int]], bool], n_test: int = 3) -> World:
    """Return every subset of size m once; the learner is right everywhere or nowhere, as `right(subset)` says."""
    subsets = [frozenset(chosen) for chosen in combinations(range(n), m)]
    mask = np.array([[i in subset for i in range(n)] for subset in subsets])
    outcome = np.array([right(subset) for subset in subsets])
    return World(mask, np.repeat(outcome[:, None], n, axis=1), np.repeat(outcome[:, None], n_test, axis=1))


def uniform_masks(n_trials: int, n: int, m: int, rng: np.random.Generator) -> Bools:
    """Return independent, uniform subsets of size m (Algorithm 1, line 1)."""
    order = rng.random((n_trials, n)).argsort(axis=1)
    return order < m
