"""Trains trials in groups of a fixed width; a trial's result does not depend on the other trials of its group."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mempipe.data import Dataset
from mempipe.errors import SpecError
from mempipe.spec import Ensemble, Spec
from mempipe.subsets import subset_mask, subset_size
from mempipe.training.ensemble.program import BLOCK_STEPS, Program
from mempipe.training.initial import InitialState
from mempipe.training.last_layer import LastLayer
from mempipe.training.normalize import fit_normalization
from mempipe.training.order import ExampleOrder
from mempipe.training.outcome import Features, TrialOutcome, not_finite
from mempipe.training.registry import build_model
from mempipe.training.schedule import learning_rates

_EVALUATED: Final = 1024
"""Images of which the last layer's inputs are computed at once."""


@dataclass(frozen=True, eq=False)
class _Group:
    """Trained members of one group.

    Attributes:
        masks: the subset of each trial, in ascending order of trials.
        variables: final, each (width, *shape); trial t is member t % width.
        begun: when its training began, on the clock of `time.perf_counter`.
    """

    masks: dict[int, NDArray[np.bool_]]
    variables: list[tf.Tensor]
    begun: float


class EnsembleTrainer:
    """Trains `width` small models at once.

    Trial t is always member t % width of group t // width, and the compiled width never changes: unused
    members are padded. So a trial's bytes depend neither on the chunk nor on the other members nor on the order.

    Args:
        spec: resolved.
        dataset: the data set that it names.
        device: what it runs on.
    """

    def __init__(self, spec: Spec, dataset: Dataset, *, device: str) -> None:
        if not isinstance(spec.trainer, Ensemble):
            raise SpecError(
                f"Trainer does not fit: trainer.kind is {spec.trainer.kind}, expected ensemble.",
                hint="open trainers by `open_trainer`.",
            )
        self.device = device
        self._spec = spec
        model, self._recipe = spec.built_in()
        self._n_train = dataset.n_train
        self._width = spec.trainer.width
        self._rates = learning_rates(self._recipe, subset_size=subset_size(spec.subsets, dataset.n_train))
        images = dataset.images
        self._model = build_model(model, images.shape, dataset.n_classes)
        self._initial = InitialState(self._model, seed=spec.seed)
        self._images = images.train, images.test
        self._normalization = fit_normalization(self._recipe.normalization, images.train, pixel_max=images.pixel_max)
        self._program = Program(
            self._model,
            np.concatenate([images.train, images.test]),
            np.concatenate([dataset.train_labels, dataset.test_labels]).astype(np.int32),
            self._normalization,
            recipe=self._recipe,
            outcomes=spec.kept_outcomes,
        )

    def train(self, trials: Sequence[int], progress: Callable[[float], None]) -> Iterator[TrialOutcome]:
        """Train trials; see `mempipe.training.trainer.Trainer`."""
        for _, members in groupby(sorted(set(trials)), key=lambda trial: trial // self._width):
            yield from self._judged(self._train_group(list(members), progress))

    def skip(self, trials: Sequence[int], progress: Callable[[float], None]) -> None:
        """Count trials as done; see `mempipe.training.trainer.Trainer`."""
        progress(len(trials))

    def features(self, trial: int, progress: Callable[[float], None]) -> Features:
        """Train one trial and return what its last layer sees; see `mempipe.training.trainer.Trainer`."""
        last_layer = LastLayer(self._model)
        group = self._train_group([trial], progress)
        (outcome,) = self._judged(group)
        for variable, members in zip(self._model.variables, group.variables, strict=True):
            variable.assign(members[trial % self._width])
        train, test = (last_layer.inputs(self._normalized(images)) for images in self._images)
        return Features(outcome, train, test)

    def _normalized(self, images: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
        for start in range(0, len(images), _EVALUATED):
            yield self._normalization.apply(images[start : start + _EVALUATED])

    def _train_group(self, trials: list[int], progress: Callable[[float], None]) -> _Group:
        begun = time.perf_counter()
        masks = {trial: self._mask(trial) for trial in trials}
        orders = {trial: ExampleOrder(mask, seed=self._spec.seed, trial=trial) for trial, mask in masks.items()}
        variables = self._initial_variables(trials)
        velocities = self._program.at_rest(variables)
        n_steps = len(self._rates)
        for start in range(0, n_steps, BLOCK_STEPS):
            stop = min(start + BLOCK_STEPS, n_steps)
            variables, velocities = self._program.train(
                variables, velocities, self._batches(orders, start, stop), self._rates[start:stop]
            )
            progress(len(trials) * (stop - start) / n_steps)
        return _Group(masks, variables, begun)

    def _judged(self, group: _Group) -> Iterator[TrialOutcome]:
        values, finite = self._program.evaluate(group.variables)
        seconds = (time.perf_counter() - group.begun) / len(group.masks)
        n = self._n_train
        for trial, mask in group.masks.items():
            slot = trial % self._width
            if not finite[slot]:
                raise not_finite(trial)
            yield TrialOutcome(
                trial=trial,
                subset_mask=mask,
                train={name: value[slot, :n] for name, value in values.items()},
                test={name: value[slot, n:] for name, value in values.items()},
                seconds=seconds,
            )

    def _mask(self, trial: int) -> NDArray[np.bool_]:
        return subset_mask(self._spec.subsets, n_train=self._n_train, seed=self._spec.seed, trial=trial)

    def _initial_variables(self, trials: list[int]) -> list[tf.Tensor]:
        """Return the members' initial variables, each (width, *shape); zeros for unused members."""
        initial = {trial: self._initial.values(trial) for trial in trials}
        stacked = [np.zeros((self._width, *value.shape), dtype=np.float32) for value in initial[trials[0]]]
        for trial, values in initial.items():
            for position, value in enumerate(values):
                stacked[position][trial % self._width] = value
        return [tf.constant(variable) for variable in stacked]

    def _batches(self, orders: dict[int, ExampleOrder], start: int, stop: int) -> NDArray[np.int32]:
        """Return the examples of each step and member, (steps, width, batch_size); 0 for unused members."""
        size = self._recipe.batch_size
        batches = np.zeros((stop - start, self._width, size), dtype=np.int32)
        for trial, order in orders.items():
            batches[:, trial % self._width] = order.batches(start, stop, size)
        return batches
