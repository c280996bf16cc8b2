"""Predictions as arrays to calculate with: decoded from packed batches of trials, in blocks of any size."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.bits import unpack, unpack_at
from mempipe.errors import InputError
from mempipe.outcomes import outcome
from mempipe.runs import DataInfo
from mempipe.scores.tally import TrialBatch

_HINT: Final = (
    "a run keeps the outcomes of its first plan: name `outcomes` in the spec of a new run (docs/bank.md), or ask for "
    "others."
)


class Outcomes(dict[str, NDArray[Any]]):
    """Outcomes of some trials by name, [trial, example]: `correct` bool, `margin` float32, `prediction` unsigned."""

    def __missing__(self, name: str) -> NDArray[Any]:
        """Refuse a name that is not here.

        Raises:
            InputError: always.
        """
        raise InputError(
            f"Predictions have no such outcome: outcome is {name!r}, expected {', '.join(self) or 'none'}.", hint=_HINT
        )


@dataclass(frozen=True, eq=False)
class Predictions:
    """What some trials saw, and what they predicted.

    Attributes:
        trials: int64 (b,), ascending.
        subset_mask: bool [trial, train]; which training examples each trial saw.
        train, test: outcomes of the training and of the test examples by name, each [trial, example].
    """

    trials: NDArray[np.int64]
    subset_mask: NDArray[np.bool_]
    train: Outcomes
    test: Outcomes


@dataclass(frozen=True, eq=False)
class Selection:
    """Which outcomes of which examples are read.

    Attributes:
        data: sizes of the data set.
        outcomes: names.
        train, test: int64; positions of the examples, None: all.
    """

    data: DataInfo
    outcomes: tuple[str, ...]
    train: NDArray[np.int64] | None = None
    test: NDArray[np.int64] | None = None

    def decode(self, batch: TrialBatch, rows: slice) -> Predictions:
        """Return some rows of a packed batch; only what is selected is decoded."""
        n_train, packed = self.data.n_train, batch.subset_mask[rows]
        mask = unpack(packed, n_train) if self.train is None else unpack_at(packed, self.train)
        train, test = (
            Outcomes((name, outcome(name).decode(arrays[name][rows], n, columns)) for name in self.outcomes)
            for arrays, n, columns in ((batch.train, n_train, self.train), (batch.test, self.data.n_test, self.test))
        )
        return Predictions(batch.trials[rows], mask, train, test)


def blocks(batches: Iterable[TrialBatch], selection: Selection, block: int) -> Iterator[Predictions]:
    """Yield the trials of the batches in blocks of `block` trials, the last of fewer.

    Holds one batch, and none while the next is made, and twice a block.

    Args:
        batches: at most as much of each is decoded as the block still lacks.
        selection: what to decode.
        block: number of trials, at least 1.
    """
    parts: list[Predictions] = []
    lacking = block
    for batch in batches:
        start = 0
        while start < len(batch.trials):
            parts.append(selection.decode(batch, slice(start, start + lacking)))
            start += lacking
            lacking -= len(parts[-1].trials)
            if lacking == 0:
                yield _joined(parts)
                parts, lacking = [], block
        del batch
    if parts:
        yield _joined(parts)


def _joined(parts: list[Predictions]) -> Predictions:
    """Return one block of parts; always a copy, so that a block that is kept does not keep its shard."""
    train, test = (
        Outcomes((name, np.concatenate([one[name] for one in sides])) for name in sides[0])
        for sides in ([part.train for part in parts], [part.test for part in parts])
    )
    trials = np.concatenate([part.trials for part in parts])
    return Predictions(trials, np.concatenate([part.subset_mask for part in parts]), train, test)
