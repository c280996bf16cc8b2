"""What a trainer returns for one trial: its outcomes on all examples and, on request, the inputs of its last layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import TrialError


@dataclass(frozen=True, eq=False)
class TrialOutcome:
    """One trained trial, judged on all examples.

    Attributes:
        trial: its number.
        subset_mask: bool (n_train,); the examples that it saw.
        train, test: the outcomes that the spec keeps, by name; (n,), as `mempipe.outcomes` defines them, not yet
            encoded.
        seconds: time of the trial; in a group, its share.
    """

    trial: int
    subset_mask: NDArray[np.bool_]
    train: Mapping[str, NDArray[Any]]
    test: Mapping[str, NDArray[Any]]
    seconds: float


@dataclass(frozen=True, eq=False)
class Features:
    """The inputs of the last layer of one trained trial for each example (Feldman & Zhang 2020, section 3.6).

    Attributes:
        outcome: of the trial.
        train, test: float32 (n, d); inputs of the model's last Dense layer, in evaluation mode, without augmentation.
    """

    outcome: TrialOutcome
    train: NDArray[np.float32]
    test: NDArray[np.float32]


def not_finite(trial: int) -> TrialError:
    """Return the error of a trial whose model is unusable; leaving it out silently would bias the estimate."""
    return TrialError(
        f"Trial failed: trial {trial} logits are not finite, expected finite numbers.",
        hint="training diverged; lower recipe.learning_rate, or warm up longer, and plan again.",
    )
