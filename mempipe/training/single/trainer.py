"""Trains trials one after the other with any Keras model; an interrupted trial resumes from its checkpoint."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from mempipe.data import Dataset
from mempipe.errors import SpecError
from mempipe.spec import Single, Spec, run_key
from mempipe.subsets import subset_mask, subset_size
from mempipe.training.checkpoints import Checkpoint, Checkpoints
from mempipe.training.initial import InitialState
from mempipe.training.last_layer import LastLayer
from mempipe.training.normalize import fit_normalization
from mempipe.training.order import ExampleOrder
from mempipe.training.outcome import Features, TrialOutcome, not_finite
from mempipe.training.registry import build_model, check_recipe_fits
from mempipe.training.schedule import learning_rates, sized_steps
from mempipe.training.single.augment import augmentation_key
from mempipe.training.single.loop import TrainingLoop
from mempipe.training.single.pipeline import Images
from mempipe.training.single.replicas import replication
from mempipe.training.whitening import adapt_whitening

SEGMENT_STEPS: Final = 50
"""At most so many steps between two checks of the clock, and so between two checkpoints."""
_LEAST_EVALUATED: Final = 64

_log = logging.getLogger(__name__)


def build_loop(
    spec: Spec, image_shape: tuple[int, int, int], n_classes: int, *, rates: NDArray[np.float32], replicas: int
) -> tuple[keras.Model, TrainingLoop]:
    """Return the model of a spec and the loop that trains it.

    Args:
        spec: resolved.
        image_shape: (height, width, channels).
        n_classes: number of classes.
        rates: float32 (steps,); the learning rate of each step.
        replicas: devices that share each batch.

    Raises:
        SpecError: the model does not fit the images.
        InputError: there are fewer devices.
    """
    with replication(replicas).scope():
        component, recipe = spec.built_in()
        check_recipe_fits(component, recipe, image_shape, n_classes)
        model = build_model(component, image_shape, n_classes, precision=spec.precision, any_size=bool(recipe.sizes))
        return model, TrainingLoop(model, recipe, rates, precision=spec.precision, outcomes=spec.kept_outcomes)


class SingleTrainer:
    """Trains one model at a time.

    One Keras model is built and compiled once; each trial begins with its own initial state, also of the optimizer
    and of the seed generators (dropout), so that it does not depend on the trials before it.

    Args:
        spec: resolved.
        dataset: the data set that it names.
        device: what it runs on.
        checkpoints: where the state is saved every `trainer.checkpoint_minutes`; None: it is not saved.
    """

    def __init__(self, spec: Spec, dataset: Dataset, *, device: str, checkpoints: Checkpoints | None) -> None:
        if not isinstance(spec.trainer, Single):
            raise SpecError(
                f"Trainer does not fit: trainer.kind is {spec.trainer.kind}, expected single.",
                hint="open trainers by `open_trainer`.",
            )
        self.device = device
        self._spec = spec
        _, self._recipe = spec.built_in()
        self._run_key = run_key(spec, data_fingerprint=dataset.fingerprint)
        self._seconds_between = 60 * spec.trainer.checkpoint_minutes
        self._checkpoints = checkpoints
        nominal = subset_size(spec.subsets, dataset.n_train)
        self._rates = learning_rates(self._recipe, subset_size=nominal)
        self._sized_steps = sized_steps(self._recipe, subset_size=nominal)
        images = dataset.images
        self._model, self._loop = build_loop(
            spec, images.shape, dataset.n_classes, rates=self._rates, replicas=spec.trainer.replicas
        )
        normalization = fit_normalization(self._recipe.normalization, images.train, pixel_max=images.pixel_max)
        adapt_whitening(self._model, images.train, normalization)
        self._initial = InitialState(self._model, seed=spec.seed)
        self._judging = {
            "batch_size": max(self._recipe.batch_size, _LEAST_EVALUATED),
            "threads": spec.trainer.threads,
        }
        self._n_train = dataset.n_train
        streamed = spec.trainer.replicas > 1
        self._train = Images(images.train, dataset.train_labels, normalization, streamed=streamed)
        self._test = Images(images.test, dataset.test_labels, normalization, streamed=streamed)

    def train(self, trials: Sequence[int], progress: Callable[[float], None]) -> Iterator[TrialOutcome]:
        """Train trials; see `mempipe.training.trainer.Trainer`."""
        for trial in sorted(set(trials)):
            yield self._train_trial(trial, progress)

    def skip(self, trials: Sequence[int], progress: Callable[[float], None]) -> None:
        """Count trials as done; see `mempipe.training.trainer.Trainer`."""
        progress(len(trials))

    def features(self, trial: int, progress: Callable[[float], None]) -> Features:
        """Train one trial and return what its last layer sees; see `mempipe.training.trainer.Trainer`."""
        last_layer = LastLayer(self._model)
        outcome = self._train_trial(trial, progress)
        train, test = (
            last_layer.inputs(images for images, _ in part.in_order(**self._judging))
            for part in (self._train, self._test)
        )
        return Features(outcome, train, test)

    def _train_trial(self, trial: int, progress: Callable[[float], None]) -> TrialOutcome:
        begun = time.perf_counter()
        mask = subset_mask(self._spec.subsets, n_train=self._n_train, seed=self._spec.seed, trial=trial)
        order = ExampleOrder(mask, seed=self._spec.seed, trial=trial)
        self._make_steps(trial, order, progress)
        (train, train_finite), (test, test_finite) = (
            self._loop.judge(part, **self._judging) for part in (self._train, self._test)
        )
        if not (train_finite and test_finite):
            raise not_finite(trial)
        return TrialOutcome(
            trial=trial,
            subset_mask=mask,
            train=train,
            test=test,
            seconds=time.perf_counter() - begun,
        )

    def _make_steps(self, trial: int, order: ExampleOrder, progress: Callable[[float], None]) -> None:
        n_steps = len(self._rates)
        key = augmentation_key(self._spec.seed, trial)
        step = self._resume(trial)
        if step:
            progress(step / n_steps)
        feed = self._train.feed(
            order,
            start=step,
            stop=n_steps,
            batch_size=self._recipe.batch_size,
            threads=self._judging["threads"],
            alternating=self._recipe.augmentation.flip == "alternating",
        )
        saved = time.monotonic()
        while step < n_steps:
            sized = next(sized for sized in self._sized_steps if step < sized.stop)
            n = min(SEGMENT_STEPS, sized.stop - step)
            batches = feed.take(n, at_most=SEGMENT_STEPS)
            self._loop.run(self._train, batches, n, first=step, key=key, size=sized.size)
            step += n
            if self._checkpoints and step < n_steps and time.monotonic() - saved >= self._seconds_between:
                self._checkpoints.save(trial, Checkpoint(step, self._loop.state), run_key=self._run_key)
                saved = time.monotonic()
            progress(n / n_steps)

    def _resume(self, trial: int) -> int:
        """Restore the trial's latest checkpoint, or its initial state; return the number of steps already made."""
        self._loop.begin(self._initial.values(trial))
        if self._checkpoints is None:
            return 0
        checkpoint = self._checkpoints.latest(trial, self._loop.state, run_key=self._run_key)
        if checkpoint is None:
            return 0
        self._loop.state = checkpoint.values
        _log.info("trial %d resumes at step %d of %d from its checkpoint", trial, checkpoint.step, len(self._rates))
        return checkpoint.step
