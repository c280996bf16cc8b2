"""The two training loops side by side: stacked against single for an MLP, a CNN and a CNN with batch normalization.

Each is measured in a process of its own on one core, in processor seconds, beside the rate of a float32 matrix product
of the same process. `python -m benchmarks.loops` prints the table.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any, Final

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.flops import matrix_rate, trial_flop
from mempipe.data import Dataset
from mempipe.spec import Spec, Strict
from mempipe.training.registry import resolve_model
from mempipe.training.trainer import open_trainer

N, N_CLASSES = 800, 8


class NormalizedCnn:
    """A small CNN with batch normalization; `benchmarks.loops:NormalizedCnn` in a spec."""

    class Params(Strict):
        """No keys."""

    @staticmethod
    def misfit(params: Strict, image_shape: tuple[int, int, int], n_classes: int) -> str | None:  # noqa: ARG004
        """Return None: it fits images of every size that can be halved twice."""
        return None

    @staticmethod
    def build(params: Strict, image_shape: tuple[int, int, int], n_classes: int) -> Any:  # noqa: ARG004
        """Return the model: that of `small_cnn`, with batch normalization before each ReLU of a convolution."""
        import keras

        layers = keras.layers
        blocks = []
        for filters in (8, 16):
            blocks += [layers.Conv2D(filters, 3, padding="same", use_bias=False), layers.BatchNormalization()]
            blocks += [layers.ReLU(), layers.MaxPooling2D(2)]
        head = [layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(n_classes)]
        return keras.Sequential([layers.Input(image_shape), *blocks, *head])


IMAGE: Final = (32, 32, 3)
MODELS: Final[dict[str, tuple[dict[str, Any], tuple[int, int, int], int]]] = {
    "MLP 64-64-8, 8 x 8 x 1": ({"name": "mlp", "hidden": [64]}, (8, 8, 1), 50),
    "CNN 8-16, 8 x 8 x 1": ({"name": "small_cnn", "filters": [8, 16], "dense": 32}, (8, 8, 1), 8),
    "CNN 8-16, 32 x 32 x 3": ({"name": "small_cnn", "filters": [8, 16], "dense": 32}, IMAGE, 8),
    "the same with batch normalization": ({"name": "benchmarks.loops:NormalizedCnn"}, IMAGE, 8),
}
"""Model, image and width of a group by label."""
KINDS: Final = ("ensemble", "single")

Results = dict[str, dict[str, dict[str, float]]]


def measure() -> Results:
    """Return for each model and trainer: seconds of a trial, its FLOP, and FLOP/s of a matrix product."""
    results: Results = {}
    for label in MODELS:
        results[label] = {}
        for kind in KINDS:
            command = [sys.executable, "-m", "benchmarks.loops", "--only", f"{label}|{kind}"]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            results[label][kind] = json.loads(out.splitlines()[-1])
    return results


def table(results: Results) -> Table:
    """Return the measurements as a table."""
    rows = Table(title=f"Two loops: one trial of {N} + {N} examples, 5 epochs, processor seconds of one core")
    for column in ("model", "stacked", "of GEMM rate", "single", "of GEMM rate", "single / stacked"):
        rows.add_column(column, justify="left" if column == "model" else "right", no_wrap=True)
    for label, by_kind in results.items():
        cells = []
        for kind in KINDS:
            one = by_kind[kind]
            cells += [f"{one['seconds']:.4f}", f"{one['flop'] / one['seconds'] / one['matrix_rate']:.0%}"]
        rows.add_row(label, *cells, f"{by_kind['single']['seconds'] / by_kind['ensemble']['seconds']:.2f} ×")
    return rows


def main(only: Annotated[str | None, typer.Option(hidden=True)] = None) -> None:
    """Measure both trainers on each model."""
    if only is not None:
        print(json.dumps(_measured(*only.split("|"))))
        return
    Console(width=120).print(table(measure()))


def _measured(label: str, kind: str) -> dict[str, float]:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    model, image, width = MODELS[label]
    spec = Spec.model_validate(
        {
            "name": "loops",
            "data": {"name": "digits"},
            "model": model,
            "recipe": {"epochs": 5, "batch_size": 64, "learning_rate": 0.02},
            "trainer": {"kind": "ensemble", "width": width} if kind == "ensemble" else {"kind": "single"},
        }
    )
    spec = spec.model_copy(update={"model": resolve_model(spec.built_in()[0])})
    trainer = open_trainer(spec, _made_up(image))
    group = width if kind == "ensemble" else 4

    def seconds(groups: int) -> Iterator[float]:
        for number in range(groups):
            begun = time.process_time()
            list(trainer.train(range(number * group, (number + 1) * group), lambda _: None))
            yield (time.process_time() - begun) / group

    _, *times = seconds(4)  # the first compiles
    flop = trial_flop(spec, image, n_train=N, n_test=N, n_classes=N_CLASSES)
    return {"seconds": min(times), "flop": flop, "matrix_rate": matrix_rate()}


def _made_up(image: tuple[int, int, int]) -> Dataset:
    random = np.random.default_rng(0)
    labels = np.arange(2 * N) % N_CLASSES
    images = (random.integers(0, 128, (2 * N, *image)) + 12 * labels[:, None, None, None]).astype(np.uint8)
    return Dataset(
        name="made up",
        train_images=images[:N],
        train_labels=labels[:N],
        test_images=images[N:],
        test_labels=labels[N:],
        pixel_max=255.0,
        class_names=tuple("abcdefgh"),
    )


if __name__ == "__main__":
    typer.run(main)
