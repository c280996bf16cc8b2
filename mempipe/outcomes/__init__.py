"""Outcomes: what is kept of a trial for each example; each file here defines the outcome of its name.

An outcome is made of a model's logits, is kept in the shards as `train_<name>` and `test_<name>`, and is checked
before it is used. `correct` is always kept: every score of Algorithm 1 is made of it. Loads nothing heavy.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REQUIRED: Final = "correct"


class Outcome(Protocol):
    """What a file of this package provides.

    Attributes:
        FORMAT_VERSION: the first format of shards that may hold it.
        DTYPES: names of the dtypes that its shard arrays may have.
    """

    FORMAT_VERSION: int
    DTYPES: tuple[str, ...]

    @staticmethod
    def width(n: int) -> int:
        """Return the length of a trial's row in the shard, for `n` examples."""
        ...

    @staticmethod
    def of_logits(logits: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Return the outcome of finite logits (..., n, classes) and labels (n,): one value for each example (..., n).

        This is the definition; the trainers compute the same on their device (`mempipe.training.judge`).
        """
        ...

    @staticmethod
    def encode(values: NDArray[Any], n_classes: int) -> NDArray[Any]:
        """Return values (..., n) as rows of the shard (..., width(n))."""
        ...

    @staticmethod
    def decode(rows: NDArray[Any], n: int, columns: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """Return rows of the shard (..., width(n)) as values (..., n) to calculate with, or those of some examples.

        Args:
            rows: of the shard.
            n: number of examples.
            columns: positions of the examples to decode, and no others; None: all.
        """
        ...

    @staticmethod
    def problem(row: NDArray[Any], correct: NDArray[np.bool_], labels: NDArray[np.int64], n_classes: int) -> str | None:
        """Return what is inconsistent in one trial's row, `<where> is <got>, expected <expected>`, or None.

        Args:
            row: (width(n),); of the shard.
            correct: bool (n,); the trial's correctness.
            labels: int64 (n,).
            n_classes: number of classes.
        """
        ...


def available() -> list[str]:
    """Return the names of the outcomes that specs can choose, ascending."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def outcome(name: str) -> Outcome:
    """Return one of the `available` outcomes."""
    return cast(Outcome, importlib.import_module(f"{__name__}.{name}"))
