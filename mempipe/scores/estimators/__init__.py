"""Estimators compute scores from trials; each file here, or a module of another package, defines one.

`plain`, Algorithm 1 of the paper, is always used: the authors' files and the tables `examples` and `pairs` are its.
Any other gives the tables `examples-<NAME>` and `pairs-<NAME>` beside them. An estimator is imported when it is named.
"""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

import mempipe.plugins as plugins
from mempipe.errors import InputError, PluginError
from mempipe.scores.estimate import FloatArray, Rows
from mempipe.scores.tally import BlockTally, ExampleTally, TrialBatch

PLAIN: Final = "plain"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, eq=False)
class Observations:
    """The data of an estimate: exact counts and, for estimators that need them, the trials.

    Attributes:
        examples: counts of the examples.
        blocks: returns the counts of the pairs, from the start at each call; whole blocks or consecutive rows.
        trials: returns the trials with the outcomes that the estimator needs, at each call, in batches of bounded
            size; a call reads every shard, so few calls are better than many.
        train_labels, test_labels: int64 (n,).
        design: how subsets were drawn: `uniform`, `balanced` or `unknown`.
    """

    examples: ExampleTally
    blocks: Callable[[], Iterable[BlockTally]]
    trials: Callable[[], Iterable[TrialBatch]]
    train_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    design: str


class Cells(Protocol):
    """An array, or values that are computed when they are read."""

    def __getitem__(self, cells: Any, /) -> FloatArray:
        """Return the values of some cells, as an array does."""
        ...


@dataclass(frozen=True, eq=False)
class Estimate:
    """Scores and their standard errors.

    Attributes:
        value: float64, in [-1, 1]; NaN where the score is undefined.
        standard_error: float64 of the same shape, above 0; NaN where the score is.
    """

    value: FloatArray
    standard_error: Cells


class Estimates(Protocol):
    """The estimates of an estimator for one set of trials."""

    def memorization(self) -> Estimate:
        """Return the memorization of every training example, (n_train,)."""
        ...

    def influence(self, block: BlockTally, rows: Rows = None) -> Estimate:
        """Return the influence of the pairs of a block, [train, test].

        Args:
            block: counts of the pairs.
            rows: which of its rows; by default all. A row's scores must not depend on the others.
        """
        ...


class Estimator(Protocol):
    """What a file of this package, or an estimator of another package, provides.

    Attributes:
        NAME: of its tables and in the manifest: small letters, digits, `-`, `_`.
        OUTCOMES: what it needs of each trial (`mempipe.outcomes`).
    """

    NAME: str
    OUTCOMES: tuple[str, ...]

    @staticmethod
    def estimate(observations: Observations) -> Estimates:
        """Return the estimates; passes over all trials or pairs that they share are made here."""
        ...


ESTIMATORS: Final = plugins.ExtensionPoint(
    "estimator", "mempipe.estimators", lambda: plugins.modules_of(sys.modules[__name__]), Estimator
)


def load_estimators(names: Iterable[str]) -> tuple[Estimator, ...]:
    """Return estimators by name, each once: `plain` first, whether it is named or not.

    Args:
        names: built-in names, names of entry points (`mempipe.estimators`), or `module:attribute`.

    Raises:
        InputError: there is none of a name.
        PluginError: one of another package cannot be loaded, or its NAME is not allowed or taken.
    """
    estimators: dict[str, Estimator] = {}
    for name in (PLAIN, *names):
        part = plugins.find(ESTIMATORS, name)
        if part is None:
            raise InputError(
                f"Estimator does not exist: its name is {name!r}, expected one of "
                f"{', '.join(plugins.available(ESTIMATORS))}.",
                hint="choose one of these, or write `module:attribute` of an estimator of your own (docs/extend.md).",
            )
        estimator = cast(Estimator, part)
        if not _NAME.fullmatch(estimator.NAME) or estimators.setdefault(estimator.NAME, estimator) is not estimator:
            raise PluginError(
                f"Estimator cannot be used: {name} NAME is {estimator.NAME!r}, expected 1 to 63 small letters, digits, "
                "'-' or '_' that no other estimator has.",
                hint="change its NAME.",
            )
    return tuple(estimators.values())


def require_outcomes(estimators: Iterable[Estimator], outcomes: Iterable[str], *, source: str) -> None:
    """Refuse an estimator that needs outcomes that the trials do not keep.

    Raises:
        InputError: an outcome is missing.
    """
    names = sorted(outcomes)
    for estimator in estimators:
        if missing := sorted(set(estimator.OUTCOMES) - set(names)):
            raise InputError(
                f"Estimator cannot be used: {estimator.NAME} needs {' and '.join(missing)}, but the outcomes of "
                f"{source} are {', '.join(names)}.",
                hint="a run keeps the outcomes of its first plan: set `outcomes` and plan the spec in another store, "
                "or leave the estimator out.",
            )


def checked(estimate: Estimate, shape: tuple[int, ...], *, of: str) -> Estimate:
    """Return an estimate if it has the expected shape.

    Raises:
        PluginError: it has not, or is not float64.
    """
    value = estimate.value
    if value.dtype != np.float64 or value.shape != shape:
        raise PluginError(
            f"Estimator cannot be used: its {of} is {value.dtype} {value.shape}, expected float64 {shape}.",
            hint="docs/extend.md shows an estimator of your own.",
        )
    return estimate
