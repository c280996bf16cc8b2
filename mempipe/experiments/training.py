"""Trainings that an experiment needs, and their results."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mempipe.runs import Run
from mempipe.spec import Subsets
from mempipe.subsets import Arm, arm_of


@dataclass(frozen=True)
class Training:
    """Models to train with the release's data, model, recipe, trainer and seed, on other subsets.

    Attributes:
        role: their role in the experiment.
        subsets: subset design.
        trials: number of models.
    """

    role: str
    subsets: Subsets
    trials: int


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """Correctness of the models of a training.

    Attributes:
        role: role of the training.
        run: the run of these trials.
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

    def arm(self, name: Arm) -> "TrainingResult":
        """Return the trials of one arm of the `removal` design."""
        members = np.array([arm_of(trial) == name for trial in self.trials.tolist()])
        return replace(self, trials=self.trials[members], test_correct=self.test_correct[members])
