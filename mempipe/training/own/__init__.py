"""Trainers of the user's own: a Python function, or a program in any language (docs/own-trainer.md).

Loads no TensorFlow.
"""

from mempipe.training.own.trials import Predictions, Trial, Trials

__all__ = ["Predictions", "Trial", "Trials"]
