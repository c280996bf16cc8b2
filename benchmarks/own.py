"""What mempipe adds to a trainer of one's own: `python -m benchmarks.own`.

The function below trains a network of numpy on digits, and notes the processor time that it spends between drawing a
trial and yielding its predictions: that of the bare loop. mempipe's processor time, in both processes, over this is the
ratio; start-up is apart. Both are of one run, so that other work on the machine changes both. The second row has
predictions of MNIST's size (60,000 + 10,000 examples, 10 classes) and no training: what a trial of a larger set costs.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from mempipe.data import Dataset, load_dataset
from mempipe.spec import Component, Spec
from mempipe.training.own import Predictions, Trials
from mempipe.training.process_use import Meter
from mempipe.training.trainer import open_trainer

N_TRIALS: Final = 20
_STEPS: Final = 1000
_HIDDEN: Final = 64
_LABELS: Final = {"digits": "digits, network 64-64-10 of numpy", "large": "predictions of 70,000 x 10 alone"}

Results = dict[str, dict[str, float]]


def train(trials: Trials) -> Iterator[Predictions]:
    """Train a network on all examples of a trial's subset at once, with plain gradient descent."""
    spent = 0.0
    for trial in trials:
        begun = time.process_time()
        if trial.n_train > 2000:
            random = np.random.default_rng(trial.seed)
            parts = [random.normal(size=(n, 10)).astype(np.float32) for n in (trial.n_train, trial.n_test)]
        else:
            parts = _fitted(*_digits(trials.dataset), trial.subset, trial.seed)
        spent += time.process_time() - begun
        Path(trial.params["spent"]).write_text(str(spent))
        yield trial.logits(*parts)


def _digits(data: Dataset) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    x, x_test = (
        (images.reshape(len(images), -1) / 16).astype(np.float32)
        for images in (data.train_images, data.test_images)
        if images is not None
    )
    return x, x_test, data.train_labels


def _fitted(
    x: NDArray[np.float32], x_test: NDArray[np.float32], y: NDArray[np.int64], subset: NDArray[np.int64], seed: int
) -> list[NDArray[np.float32]]:
    random = np.random.default_rng(seed)
    own, labels = x[subset], y[subset]
    first = (0.1 * random.normal(size=(x.shape[1], _HIDDEN))).astype(np.float32)
    second = (0.1 * random.normal(size=(_HIDDEN, y.max() + 1))).astype(np.float32)
    for _ in range(_STEPS):
        hidden = np.maximum(own @ first, 0)
        logits = hidden @ second
        error = np.exp(logits - logits.max(1, keepdims=True))
        error /= error.sum(1, keepdims=True)
        error[np.arange(len(own)), labels] -= 1
        error /= len(own)
        back = (error @ second.T) * (hidden > 0)
        second -= 0.5 * hidden.T @ error
        first -= 0.5 * own.T @ back
    return [np.maximum(part @ first, 0) @ second for part in (x, x_test)]


def measure() -> Results:
    """Train by mempipe, in a process of its own as `mempipe train` does.

    Returns:
        For each row: bare_seconds (a trial), added_seconds (a trial), ratio, start_seconds; processor time.
    """
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    return {name: _measured(name) for name in _LABELS}


def _measured(name: str) -> dict[str, float]:
    digits = Component.model_validate({"name": "digits"})
    with TemporaryDirectory() as folder:
        spent = Path(folder) / "spent"
        trainer = {"kind": "own", "entry": "benchmarks.own:train", "version": "1", "params": {"spent": str(spent)}}
        outcomes = ["correct", "margin", "prediction"]
        spec = Spec(name=name, data=digits, trainer=trainer, outcomes=outcomes)
        data = load_dataset(digits) if name == "digits" else _large()
        before = Meter().processor_seconds
        trials = range(N_TRIALS + 2)  # the first has the start in it, the last the end
        results = open_trainer(spec, data, trials=trials).train(trials, lambda _: None)
        next(results)
        begun, inside = Meter().processor_seconds, float(spent.read_text())
        for _ in range(N_TRIALS):
            next(results)
        total = (Meter().processor_seconds - begun) / N_TRIALS
        bare = (float(spent.read_text()) - inside) / N_TRIALS
    return {
        "bare_seconds": bare,
        "added_seconds": total - bare,
        "ratio": total / bare,
        "start_seconds": begun - before - inside,
    }


def _large() -> Dataset:
    n_train, n_test = 60_000, 10_000
    return Dataset(
        name="large",
        train_images=np.zeros((n_train, 1, 1, 1), np.uint8),
        train_labels=np.arange(n_train) % 10,
        test_images=np.zeros((n_test, 1, 1, 1), np.uint8),
        test_labels=np.arange(n_test) % 10,
        pixel_max=255.0,
        class_names=tuple("0123456789"),
    )


def table(results: Results) -> Table:
    """Return the measurements as a table."""
    rows = Table(title="A trainer of one's own: processor seconds a trial, beside the bare loop")
    for column in ("trainer", "bare loop", "mempipe adds", "ratio", "start (once)"):
        rows.add_column(column, justify="left" if column == "trainer" else "right", no_wrap=True)
    for name, label in _LABELS.items():
        row = results[name]
        ratio = f"{row['ratio']:.3f}" if name == "digits" else "-"
        cells = f"{row['bare_seconds']:.3f} s", f"{1000 * row['added_seconds']:.1f} ms", ratio
        rows.add_row(label, *cells, f"{row['start_seconds']:.1f} s")
    return rows


def main(out: Annotated[Path | None, typer.Option("--json", help="Where the numbers go.")] = None) -> None:
    """Measure what mempipe adds to a trainer of one's own."""
    results: dict[str, Any] = measure()
    if out is not None:
        out.write_text(json.dumps(results, indent=1) + "\n")
    Console(width=120).print(table(results))


if __name__ == "__main__":
    typer.run(main)
