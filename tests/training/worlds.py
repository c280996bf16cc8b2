"""A small data set that a model learns in a moment, and specs on it."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mempipe.data import Dataset
from mempipe.spec import Spec
from mempipe.training.normalize import Normalization
from mempipe.training.order import ExampleOrder
from mempipe.training.outcome import TrialOutcome
from mempipe.training.registry import resolve_model

if TYPE_CHECKING:
    from mempipe.training.single.loop import TrainingLoop

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


def steps_on_all(loop: "TrainingLoop", images: NDArray[Any], labels: NDArray[np.integer[Any]], n_steps: int) -> None:
    """Make steps of a loop, each on all of these examples, whose pixels stay as they are."""
    from mempipe.training.single.pipeline import Images  # TensorFlow, which a test may have to start itself

    n, channels = len(images), images.shape[-1]
    same = Normalization(np.zeros(channels, np.float32), np.ones(channels, np.float32))
    data = Images(images, labels.astype(np.int64), same)
    order = ExampleOrder(np.ones(n, np.bool_), seed=0, trial=0)
    feed = data.feed(order, start=0, stop=n_steps, batch_size=n, threads=1, alternating=False)
    loop.run(data, feed.take(n_steps, at_most=n_steps), n_steps)


def silent(_: float) -> None:
    """Take progress and do nothing."""
