"""Blocks: the rectangles of (train, test) pairs that influence is counted on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import InputError, TallyError


class Scope(StrEnum):
    """Which pairs are counted."""

    CLASS = "class"
    """Train and test examples of the same label, as the authors released it."""
    FULL = "full"
    """Every train example with every test example."""


@dataclass(frozen=True, eq=False)
class Block:
    """A rectangle of (train, test) pairs; positions in dataset order.

    Attributes:
        name: unique in a scope: `class_7`, or for some rows of it `class_7.rows_0_512`.
        label: label of its train examples.
        tr_idx: int64 (n_tr,), strictly ascending.
        tt_idx: int64 (n_tt,), strictly ascending.

    Raises:
        TallyError: positions are of another type, negative or not strictly ascending.
    """

    name: str
    label: int
    tr_idx: NDArray[np.int64]
    tt_idx: NDArray[np.int64]

    def __post_init__(self) -> None:
        for field, idx in (("tr_idx", self.tr_idx), ("tt_idx", self.tt_idx)):
            ascending = idx.ndim == 1 and bool(np.all(np.diff(idx, prepend=-1) > 0))
            if idx.dtype != np.int64 or not ascending:
                raise TallyError(
                    f"Block is inconsistent: {self.name} {field} is {idx.dtype} {idx.shape}, "
                    "expected int64 (n,), not negative and strictly ascending.",
                    hint="make blocks with blocks_of.",
                )

    @property
    def shape(self) -> tuple[int, int]:
        """(n_tr, n_tt)."""
        return self.tr_idx.size, self.tt_idx.size

    def same_pairs(self, other: "Block") -> bool:
        """Say whether both are the same rectangle under the same name and label."""
        return (
            (self.name, self.label) == (other.name, other.label)
            and np.array_equal(self.tr_idx, other.tr_idx)
            and np.array_equal(self.tt_idx, other.tt_idx)
        )

    def rows(self, start: int, stop: int) -> "Block":
        """Return the block of train examples `tr_idx[start:stop]` with the same test examples."""
        return Block(f"{self.name}.rows_{start}_{stop}", self.label, self.tr_idx[start:stop], self.tt_idx)


def blocks_of(train_labels: NDArray[Any], test_labels: NDArray[Any], scope: Scope) -> tuple[Block, ...]:
    """Divide the pairs into one block for each label of the training set, labels ascending.

    A label that only the test set has gives no block; one that only the training set has gives a block without test
    examples (`CLASS`). Every train example is in exactly one block.

    Args:
        train_labels: integers (n_train,).
        test_labels: integers (n_test,).
        scope: `CLASS` pairs a label's train examples with the test examples of that label, `FULL` with all.

    Raises:
        InputError: labels are no integers.
    """
    for name, labels in (("train_labels", train_labels), ("test_labels", test_labels)):
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
            raise InputError(
                f"Pairs cannot be divided by label: {name} is {labels.dtype} {labels.shape}, expected integers (n,).",
                hint="give one integer label for each example.",
            )
    every_test = np.arange(test_labels.size, dtype=np.int64)
    train_order, test_order = _by_label(train_labels), _by_label(test_labels)
    nothing = np.empty(0, dtype=np.int64)
    return tuple(
        Block(f"class_{label}", label, tr_idx, every_test if scope is Scope.FULL else test_order.get(label, nothing))
        for label, tr_idx in train_order.items()
    )


def split_blocks(blocks: tuple[Block, ...], max_bytes: int) -> tuple[Block, ...]:
    """Split each block whose int32 counts need more than `max_bytes` into consecutive rows that fit.

    The order stays, so the parts of a block follow one another and their rows, put together, are its rows. One row is
    never split.
    """
    parts: list[Block] = []
    for block in blocks:
        n_tr, n_tt = block.shape
        fitting = max(1, max_bytes // max(1, 4 * n_tt))
        if n_tr <= fitting:
            parts.append(block)
        else:
            parts.extend(block.rows(start, min(start + fitting, n_tr)) for start in range(0, n_tr, fitting))
    return tuple(parts)


def _by_label(labels: NDArray[Any]) -> dict[int, NDArray[np.int64]]:
    """Return the positions of each label, labels and positions ascending."""
    order = np.argsort(labels, kind="stable").astype(np.int64)
    present, first = np.unique(labels[order], return_index=True)
    return dict(zip(present.tolist(), np.split(order, first[1:]), strict=True)) if labels.size else {}
