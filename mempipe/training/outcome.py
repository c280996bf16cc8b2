"""What a trainer returns of one trial: how it judged all examples, and if asked, how its last layer saw them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import TrialError


@dataclass(frozen=True, eq=False)
class TrialOutcome:
    """One trained trial, judged on all examples.

    Attributes:
        trial: its number.
        subset_mask: bool (n_train,); the examples that it saw.
        train_correct, test_correct: bool (n,); correctness 1[h(x) = y], the first class with the largest logit wins.
        train_margin, test_margin: float16 (n,), log p_y - log(1 - p_y); None where the spec does not want them.
        seconds: time of the trial; in a group, its share.
    """

    trial: int
    subset_mask: NDArray[np.bool_]
    train_correct: NDArray[np.bool_]
    test_correct: NDArray[np.bool_]
    train_margin: NDArray[np.float16] | None
    test_margin: NDArray[np.float16] | None
    seconds: float


@dataclass(frozen=True, eq=False)
class Features:
    """What the last layer of one trained trial gets to see of each example (Feldman & Zhang 2020, section 3.6).

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
