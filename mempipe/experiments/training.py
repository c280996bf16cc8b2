"""What an experiment asks to be trained, and what it gets back."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mempipe.runs import Run
from mempipe.spec import Subsets
from mempipe.subsets import Arm, arm_of


@dataclass(frozen=True)
class Training:
    """Models to be trained with the release's own data, model, recipe, trainer and seed, on other subsets.

    Attributes:
        role: what they are in the experiment.
        subsets: which examples they see.
        trials: how many.
    """

    role: str
    subsets: Subsets
    trials: int


@dataclass(frozen=True, eq=False)
class Trained:
    """Correctness of trained models.

    Attributes:
        role: of the training.
        run: the run that keeps them.
        trials: int64 (t,), ascending.
        test_correct: bool [trial, test].
    """

    role: str
    run: Run
    trials: NDArray[np.int64]
    test_correct: NDArray[np.bool_]

    @property
    def test_accuracy(self) -> NDArray[np.float64]:
        """Accuracy of each trial on the whole test set, float64 (t,)."""
        accuracy: NDArray[np.float64] = self.test_correct.mean(axis=1)
        return accuracy

    def arm(self, name: Arm) -> "Trained":
        """Return the trials of one arm of the `removal` design."""
        members = np.array([arm_of(trial) == name for trial in self.trials.tolist()])
        return replace(self, trials=self.trials[members], test_correct=self.test_correct[members])
