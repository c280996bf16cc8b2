"""Trials per second on digits: mempipe's trainers beside `model.fit`, each in a process of its own on one core.

`python -m benchmarks.training --json PATH` measures all; the machine may be busy, so times are processor seconds.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from mempipe.data import Dataset, load_dataset
from mempipe.spec import Spec, WarmupLinear, parse_spec
from mempipe.subsets import subset_mask, subset_size
from mempipe.training.normalize import fit_normalization
from mempipe.training.registry import build_model, resolve_model
from mempipe.training.schedule import total_steps
from mempipe.training.trainer import open_trainer

SPEC: Final = Path(__file__).parents[1] / "specs" / "digits.yaml"
VARIANTS: Final = {
    "fit": "Keras fit, new model each trial",
    "fit_reused": "Keras fit, model reused",
    "single": "mempipe single",
    "ensemble": "mempipe ensemble",
}

Results = dict[str, dict[str, float]]


def measure() -> Results:
    """Run each variant in a process of its own.

    Returns:
        For each variant: seconds (processor time of one trial, training and evaluation, after the first), start_seconds
        (import, data, first trial or group), trials_per_second, test_accuracy, peak_mib.
    """
    results = {}
    for name in VARIANTS:
        command = [sys.executable, "-m", "benchmarks.training", "--variant", name]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        results[name] = json.loads(out.splitlines()[-1])
    return results


def table(results: Results) -> Table:
    """Return the measurements as a table, with the ratio to the plain loop."""
    rows = Table(title="Digits, MLP 64-64-10, 40 epochs: one trial on one core")
    for column in ("trainer", "s / trial", "ratio", "accuracy", "peak MiB"):
        rows.add_column(column, justify="left" if column == "trainer" else "right", no_wrap=True)
    for name, label in VARIANTS.items():
        one = results[name]
        rows.add_row(
            label,
            f"{one['seconds']:.4f}",
            f"{results['fit']['seconds'] / one['seconds']:.1f} ×",
            f"{one['test_accuracy']:.4f}",
            f"{one['peak_mib']:.0f}",
        )
    return rows


def main(
    out: Annotated[Path | None, typer.Option("--json", help="Where the numbers go.")] = None,
    variant: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure the trainers beside plain Keras."""
    if variant is not None:
        print(json.dumps(_measured(variant)))
        return
    results = measure()
    Console().print(table(results))
    if out is not None:
        out.write_text(json.dumps(results, indent=1) + "\n")


def _measured(variant: str) -> dict[str, float]:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    spec = parse_spec(SPEC.read_text(), source=str(SPEC))
    spec = spec.model_copy(update={"model": resolve_model(spec.built_in()[0])})
    dataset = load_dataset(spec.data)
    if variant in ("single", "ensemble"):
        train, group, n_groups = _ours(spec, dataset, variant)
    else:
        train, group, n_groups = _plain(spec, dataset, reused=variant == "fit_reused")
    accuracies = train(range(group))
    started = time.process_time()
    accuracies += train(range(group, group * (1 + n_groups)))
    seconds = (time.process_time() - started) / (group * n_groups)
    return {
        "seconds": seconds,
        "trials_per_second": 1 / seconds,
        "start_seconds": started,
        "test_accuracy": float(np.mean(accuracies)),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


Train = Callable[[range], list[float]]


def _ours(spec: Spec, dataset: Dataset, kind: str) -> tuple[Train, int, int]:
    width = spec.trainer.model_dump()["width"]
    trainer_spec = {"kind": kind, "width": width} if kind == "ensemble" else {"kind": kind}
    spec = Spec.model_validate(spec.model_dump() | {"trainer": trainer_spec})
    trainer = open_trainer(spec, dataset)

    def train(trials: range) -> list[float]:
        return [float(outcome.test["correct"].mean()) for outcome in trainer.train(trials, lambda _: None)]

    return (train, width, 5) if kind == "ensemble" else (train, 1, 20)


def _plain(spec: Spec, dataset: Dataset, *, reused: bool) -> tuple[Train, int, int]:
    """The loop that one would write first: subset, `fit` with the same recipe, `predict` on everything."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    component, recipe = spec.built_in()
    images = dataset.images
    normalization = fit_normalization(recipe.normalization, images.train, pixel_max=images.pixel_max)
    train_images, test_images = normalization.apply(images.train), normalization.apply(images.test)
    n_steps = total_steps(recipe, subset_size=subset_size(spec.subsets, dataset.n_train))
    assert isinstance(recipe.schedule, WarmupLinear)  # noqa: S101
    warm = recipe.schedule.warmup * n_steps

    class Schedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            position = keras.ops.cast(step, "float32")
            return recipe.learning_rate * keras.ops.minimum(
                position / warm, keras.ops.maximum(n_steps - position, 0) / (n_steps - warm)
            )

    def compiled() -> Any:
        model = build_model(component, images.shape, dataset.n_classes)
        model.compile(
            optimizer=keras.optimizers.SGD(Schedule(), momentum=recipe.momentum),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        return model

    shared = compiled()
    shared.optimizer.build(shared.trainable_variables)
    initial = [np.asarray(variable) for variable in shared.optimizer.variables]

    def train_one(trial: int) -> float:
        mask = subset_mask(spec.subsets, n_train=dataset.n_train, seed=spec.seed, trial=trial)
        model = shared if reused else compiled()
        if reused:
            untrained = build_model(component, images.shape, dataset.n_classes)
            model.set_weights(untrained.get_weights())
            for variable, value in zip(model.optimizer.variables, initial, strict=True):
                variable.assign(value)
        model.fit(
            train_images[mask],
            dataset.train_labels[mask],
            batch_size=recipe.batch_size,
            epochs=recipe.epochs,
            verbose=0,
        )
        correct = [
            model.predict(images, batch_size=256, verbose=0).argmax(axis=1) == labels
            for images, labels in ((train_images, dataset.train_labels), (test_images, dataset.test_labels))
        ]
        return float(correct[1].mean())

    return lambda trials: [train_one(trial) for trial in trials], 1, 4


if __name__ == "__main__":
    typer.run(main)
