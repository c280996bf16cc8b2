"""The state in which a trial's model begins: a pure function of (seed, trial), the same in both trainers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mempipe.subsets import Stream, stream_seed
from mempipe.training.variables import beginnings

if TYPE_CHECKING:
    import keras


class InitialState:
    """Draws the initial values of a model's variables for any trial.

    Each random initializer is taken with the seed of the stream (INITIALIZATION, trial, position of the variable in
    `model.variables`); the state of a seed generator (dropout) is [that seed, 0]. Initializers without a seed, such
    as zeros, are drawn once. All is computed on the CPU, so that every device begins with the same bytes.

    Args:
        model: a built Keras model.
        seed: the run's entropy.

    Raises:
        SpecError: a layer does not name the initializer of a variable.
    """

    def __init__(self, model: keras.Model, *, seed: int) -> None:
        self._seed = seed
        self._beginnings = beginnings(model)
        self._configs: list[dict[str, Any] | None] = []
        self._constants: dict[int, NDArray[Any]] = {}
        for position, beginning in enumerate(self._beginnings):
            config = None if beginning.initializer is None else dict(beginning.initializer.get_config())
            self._configs.append(config)
            if config is not None and "seed" not in config:
                self._constants[position] = self._draw(beginning.initializer, position)

    def values(self, trial: int) -> list[NDArray[Any]]:
        """Return the initial value of each of `model.variables`, in order, in the variable's shape and dtype."""
        return [self._value(position, trial) for position in range(len(self._beginnings))]

    def _value(self, position: int, trial: int) -> NDArray[Any]:
        if position in self._constants:
            return self._constants[position]
        seed = stream_seed(self._seed, Stream.INITIALIZATION, trial, position)
        config, initializer = self._configs[position], self._beginnings[position].initializer
        if config is None or initializer is None:
            return np.array([seed, 0], dtype=self._beginnings[position].variable.dtype)
        return self._draw(initializer.from_config({**config, "seed": seed}), position)

    def _draw(self, initializer: Any, position: int) -> NDArray[Any]:
        variable = self._beginnings[position].variable
        with tf.device("CPU:0"):
            return np.asarray(initializer(variable.shape, dtype=variable.dtype))
