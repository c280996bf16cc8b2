"""What the function of an own trainer sees: an iterable of trials, each with its subset, its seed and its results."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from shutil import rmtree
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mempipe.data import Dataset
from mempipe.errors import InputError
from mempipe.training.own.folder import CHECKPOINT, SUBSET, TRIAL


class Host(Protocol):
    """What trains the trials for: it gives them, and receives what they report."""

    def draw(self) -> tuple[int, Path] | None:
        """Return the next trial and its folder, or None after the last."""
        ...

    def progress(self, trial: int, fraction: float) -> None:
        """Receive which part of a trial is done."""
        ...

    def checkpoint(self, trial: int) -> None:
        """Keep the files of a trial's checkpoint, before it returns."""
        ...


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a trained trial says of all examples; made by `Trial.logits`, `Trial.margins` or `Trial.correctness`.

    Attributes:
        trial: number of the trial.
        arrays: by name, as the files of docs/own-trainer.md.
    """

    trial: int
    arrays: dict[str, NDArray[Any]]


class Trial:
    """One model to train.

    Attributes:
        number: of the trial, from 0.
        seed: 31-bit seed of all that is random in the trial, drawn for each trial; two may be equal by chance.
        subset: int64 (m,); the training examples to train on, as ascending positions in the data set.
        params: the spec's `trainer.params`.
        n_train, n_test, n_classes: of the data set.
        checkpoint: a folder with the files of the trial's last checkpoint, or None if it begins anew.
    """

    def __init__(self, folder: Path, host: Host) -> None:
        document = json.loads((folder / TRIAL).read_text())
        self.number: int = document["trial"]
        self.seed: int = document["seed"]
        self.params: dict[str, Any] = document["params"]
        self.n_train: int = document["n_train"]
        self.n_test: int = document["n_test"]
        self.n_classes: int = document["n_classes"]
        self.subset: NDArray[np.int64] = np.load(folder / SUBSET)
        self._folder = folder
        self._host = host
        self._seconds_between = 60 * float(document["checkpoint_minutes"])
        self._saved = time.monotonic()

    @property
    def checkpoint(self) -> Path | None:
        """A folder with the files of the trial's last checkpoint, or None if it begins anew."""
        folder = self._folder / CHECKPOINT
        return folder if folder.is_dir() and any(folder.iterdir()) else None

    def progress(self, fraction: float) -> None:
        """Say which part of the trial is done, from 0 to 1. A trainer that is silent for too long is stopped."""
        self._host.progress(self.number, fraction)

    def save_checkpoint(self, write: Callable[[Path], object]) -> bool:
        """Save the trial's state, if `trainer.checkpoint_minutes` have passed since it began or was last saved.

        Args:
            write: writes files into the empty folder that it is given. Not called if it is too early.

        Returns:
            Whether it was saved.
        """
        if time.monotonic() - self._saved < self._seconds_between:
            return False
        begun = self._folder / f"{CHECKPOINT}.new"
        rmtree(begun, ignore_errors=True)  # of a `write` that failed
        begun.mkdir()
        write(begun)
        final = self._folder / CHECKPOINT
        rmtree(final, ignore_errors=True)
        begun.rename(final)
        self._host.checkpoint(self.number)
        self._saved = time.monotonic()
        return True

    def logits(self, train: ArrayLike, test: ArrayLike) -> Predictions:
        """Give the logits (or log-probabilities) of all examples in the data set's order.

        Args:
            train: floating point, finite, (n_train, n_classes).
            test: the same of the test examples, (n_test, n_classes).
        """
        return self._predictions(train_logits=train, test_logits=test)

    def margins(
        self, train: ArrayLike, test: ArrayLike, *, train_predictions: ArrayLike, test_predictions: ArrayLike
    ) -> Predictions:
        """Give margins log p_y - log(1 - p_y) and predicted classes of all examples in the data set's order.

        Args:
            train: floating point, finite, (n_train,).
            test: the same of the test examples, (n_test,).
            train_predictions: integers in [0, n_classes), (n_train,).
            test_predictions: the same of the test examples, (n_test,).
        """
        return self._predictions(
            train_margins=train,
            test_margins=test,
            train_predictions=train_predictions,
            test_predictions=test_predictions,
        )

    def correctness(self, train: ArrayLike, test: ArrayLike) -> Predictions:
        """Give whether each example is classified correctly, in the data set's order.

        Args:
            train: bool, or integers that are 0 or 1; (n_train,).
            test: the same of the test examples, (n_test,).
        """
        return self._predictions(train_correctness=train, test_correctness=test)

    def _predictions(self, **arrays: ArrayLike) -> Predictions:
        return Predictions(self.number, {name: np.asarray(array) for name, array in arrays.items()})


class Trials:
    """The trials of a task, drawn one after the other: `for trial in trials`.

    Attributes:
        params: the spec's `trainer.params`.
        threads: CPU threads that the trainer may use.
        dataset: the data set, loaded when it is first used; a trainer may load features of its own instead.
    """

    def __init__(self, *, params: dict[str, Any], threads: int, load: Callable[[], Dataset], host: Host) -> None:
        self.params = params
        self.threads = threads
        self._load = load
        self._host = host

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, loaded when it is first used."""
        return self._load()

    def __iter__(self) -> Iterator[Trial]:
        """Draw trials; a trial is drawn once, whoever iterates."""
        while (drawn := self._host.draw()) is not None:
            yield Trial(drawn[1], self._host)

    def groups(self, size: int) -> Iterator[list[Trial]]:
        """Draw trials in lists of `size`, the last may be shorter: to train several together."""
        trials = iter(self)
        while group := list(islice(trials, size)):
            yield group


def predictions(function: Callable[[Trials], Any], trials: Trials) -> Iterator[Predictions]:
    """Call the function of a trainer and return what it yields.

    Raises:
        InputError: it yields something else.
    """
    values = function(trials)
    if not hasattr(values, "__iter__"):
        raise InputError(
            f"Trainer cannot be used: it returns {type(values).__name__}, expected that it yields one result a trial.",
            hint="end its loop over the trials with `yield trial.logits(train, test)`.",
        )
    for value in values:
        if not isinstance(value, Predictions):
            raise InputError(
                f"Trainer cannot be used: it yields {type(value).__name__}, expected a trial's predictions.",
                hint="yield what `trial.logits`, `trial.margins` or `trial.correctness` returns.",
            )
        yield value
