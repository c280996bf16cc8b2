"""A small data set that a model learns in a moment, and specs on it."""

from typing import Any

import numpy as np

from mempipe.data import Dataset
from mempipe.spec import Spec
from mempipe.training.outcome import TrialOutcome
from mempipe.training.registry import resolve_model

N_TRAIN, N_TEST, N_CLASSES = 70, 30, 3


def world(seed: int = 0) -> Dataset:
    """Images of 6 x 6 with one bright row for each class, much noise, and few wrong labels."""
    random = np.random.default_rng(seed)
    n = N_TRAIN + N_TEST
    labels = np.arange(n) % N_CLASSES
    images = random.integers(0, 120, (n, 6, 6, 1))
    images[np.arange(n), 2 * labels] += 90
    labels[::17] = (labels[::17] + 1) % N_CLASSES
    return Dataset(
        name="stripes",
        train_images=images[:N_TRAIN].astype(np.uint8),
        train_labels=labels[:N_TRAIN],
        test_images=images[N_TRAIN:].astype(np.uint8),
        test_labels=labels[N_TRAIN:],
        pixel_max=255.0,
        class_names=("top", "middle", "bottom"),
    )


def spec(**changes: Any) -> Spec:
    """A resolved spec of a few steps; `changes` replace its parts."""
    parts: dict[str, Any] = {
        "name": "tiny",
        "data": {"name": "digits"},
        "model": {"name": "mlp", "hidden": [8]},
        "recipe": {"epochs": 3, "batch_size": 10, "learning_rate": 0.1, "weight_decay": 0.001},
        "trainer": {"kind": "ensemble", "width": 4},
        "seed": 5,
        "outcomes": ["correct", "margin", "prediction"],
    }
    parsed = Spec.model_validate(parts | changes)
    return parsed.model_copy(update={"model": resolve_model(parsed.model)})


def as_bytes(outcome: TrialOutcome) -> bytes:
    """Everything of an outcome that must be reproducible."""
    values = (outcome.subset_mask, *outcome.train.values(), *outcome.test.values())
    return b"|".join(array.tobytes() for array in values)


def silent(_: float) -> None:
    """Take progress and do nothing."""
