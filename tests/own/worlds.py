"""A small data set, and specs whose trainers are in tests/own/code."""

from pathlib import Path
from typing import Any

import numpy as np

from mempipe.data import Dataset
from mempipe.spec import Spec
from mempipe.training.trainer import Trainer, open_trainer

CODE = Path(__file__).parent / "code"
N_TRAIN, N_TEST, N_CLASSES = 30, 12, 3


def world() -> Dataset:
    """Blank images; label i % 3."""
    return Dataset(
        name="blank",
        train_images=np.zeros((N_TRAIN, 1, 1, 1), np.uint8),
        train_labels=np.arange(N_TRAIN) % N_CLASSES,
        test_images=np.zeros((N_TEST, 1, 1, 1), np.uint8),
        test_labels=np.arange(N_TEST) % N_CLASSES,
        pixel_max=255.0,
        class_names=("a", "b", "c"),
    )


def spec(*, outcomes: tuple[str, ...] = ("correct",), **trainer: Any) -> Spec:
    """A spec of four trials in chunks of two; `trainer` are the keys of its trainer."""
    return Spec.model_validate(
        {
            "name": "looked-up",
            "data": {"name": "npz", "path": "blank.npz"},
            "trainer": {"kind": "own", "version": "1", **trainer},
            "outcomes": outcomes,
            "subsets": {"ratio": 0.5},
            "seed": 5,
            "trials": 4,
            "chunk_size": 2,
        }
    )


def opened(n_trials: int = 4, *, outcomes: tuple[str, ...] = ("correct",), **trainer: Any) -> Trainer:
    """The trainer of `spec`, for the first trials."""
    return open_trainer(spec(outcomes=outcomes, **trainer), world(), trials=range(n_trials))
