"""The compiled training and evaluation of one group: `width` models at once, in XLA, with fixed shapes."""

from collections.abc import Sequence
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mempipe.spec import Recipe
from mempipe.training.ensemble.network import StackedNetwork
from mempipe.training.judge import judge
from mempipe.training.loss import cross_entropy
from mempipe.training.normalize import Normalization
from mempipe.training.variables import is_decayed, rate_factor

BLOCK_STEPS: Final = 64
"""Steps in one call of the compiled loop."""
_LEAST_EVALUATED: Final = 64


class Program:
    """Trains and evaluates a group of models; the order of its examples is the order of `images`.

    Args:
        model: the Keras model that gives the layers; its own variables are not used.
        images: uint8 or float32 (n, h, w, c) as they are stored: the training part, then the test part.
        labels: int32 (n,).
        normalization: what models see of pixels.
        recipe: momentum, weight decay, loss, batch size.
        outcomes: names of what `evaluate` returns.
    """

    def __init__(
        self,
        model: keras.Model,
        images: NDArray[Any],
        labels: NDArray[np.int32],
        normalization: Normalization,
        *,
        recipe: Recipe,
        outcomes: tuple[str, ...],
    ) -> None:
        self._network = StackedNetwork(model)
        positions = {id(variable): position for position, variable in enumerate(model.variables)}
        self._trained = [positions[id(variable)] for variable in model.trainable_variables]
        self._decayed = [is_decayed(variable, recipe.decay_scope) for variable in model.trainable_variables]
        self._factors = [rate_factor(variable, recipe.bias_rate) for variable in model.trainable_variables]
        self._recipe = recipe
        self._outcomes = outcomes
        self._image_shape = images.shape[1:]
        self._n = len(images)
        self._n_evaluated = min(self._n, max(recipe.batch_size, _LEAST_EVALUATED))
        self._pixels = tf.constant(images.reshape(self._n, -1))
        self._labels = tf.constant(labels)
        self._normalization = normalization
        self._train_block = tf.function(self._block, jit_compile=True, autograph=False)
        self._judge_batch = tf.function(self._batch, jit_compile=True, autograph=False)

    def at_rest(self, variables: list[Any]) -> list[Any]:
        """Return the velocities before the first step: zeros, in the shapes of the trained variables."""
        return [tf.zeros_like(variables[position]) for position in self._trained]

    def train(
        self, variables: list[Any], velocities: list[Any], batches: NDArray[np.int32], rates: NDArray[np.float32]
    ) -> tuple[list[Any], list[Any]]:
        """Make at most `BLOCK_STEPS` steps of SGD with momentum.

        Args:
            variables: as `model.variables`, each float32 (width, *shape).
            velocities: see `at_rest`.
            batches: int32 (steps, width, batch_size); positions in `images`.
            rates: float32 (steps,).

        Returns:
            The new variables and velocities.
        """
        missing = BLOCK_STEPS - len(batches)
        padded = np.pad(batches, [(0, missing), (0, 0), (0, 0)])
        padded_rates = np.pad(rates, (0, missing))
        state = self._train_block(
            variables, velocities, tf.constant(padded), tf.constant(padded_rates), tf.constant(len(batches))
        )
        return state[0], state[1]

    def evaluate(self, variables: list[Any]) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
        """Judge every member on all examples; see `mempipe.training.judge`.

        Returns:
            The outcomes by name, each (width, n); finite: bool (width,).
        """
        batches: list[tuple[int, dict[str, NDArray[Any]], NDArray[np.bool_]]] = []
        for start in range(0, self._n, self._n_evaluated):
            # The last batch begins earlier instead of being shorter: shapes are fixed.
            first = min(start, self._n - self._n_evaluated)
            outcomes, finite = tf.nest.map_structure(np.asarray, self._judge_batch(variables, tf.constant(first)))
            batches.append((start - first, outcomes, finite.all(axis=1)))
        values = {
            name: np.concatenate([outcomes[name][:, overlap:] for overlap, outcomes, _ in batches], axis=1)
            for name in self._outcomes
        }
        return values, np.logical_and.reduce([finite for _, _, finite in batches])

    def _block(self, variables: list[Any], velocities: list[Any], batches: Any, rates: Any, n_steps: Any) -> Any:
        def step(number: Any, variables: list[Any], velocities: list[Any]) -> Any:
            trained = [variables[position] for position in self._trained]
            gradients, moved = self._gradients(variables, trained, batches[number])
            trained, velocities = self._update(trained, velocities, gradients, rates[number])
            moved |= zip(self._trained, trained, strict=True)
            return number + 1, [moved[position] for position in range(len(variables))], velocities

        state = tf.while_loop(
            lambda number, *_: number < n_steps, step, (tf.constant(0), list(variables), list(velocities))
        )
        return state[1], state[2]

    def _examples(self, batch: Any) -> tuple[Any, Any]:
        """Return normalized images, float32 (*batch.shape, h, w, c), and labels of positions in the data set."""
        pixels = tf.reshape(tf.gather(self._pixels, batch), [*batch.shape, *self._image_shape])
        images = (tf.cast(pixels, tf.float32) - self._normalization.shift) * self._normalization.scale
        return images, tf.gather(self._labels, batch)

    def _gradients(
        self, variables: Sequence[Any], trained: Sequence[Any], batch: Any
    ) -> tuple[list[Any], dict[int, Any]]:
        """Return each member's gradient of its mean cross-entropy: the sum over members separates.

        With it the new values of moving statistics, by position in `variables`.
        """
        images, labels = self._examples(batch)
        with tf.GradientTape() as tape:
            tape.watch(trained)
            logits, moved = self._network.training_logits(variables, images)
            losses = cross_entropy(logits, labels, smoothing=self._recipe.label_smoothing)
            loss = tf.reduce_sum(tf.reduce_mean(losses, axis=1))
        gradients = [
            gradient if factor == 1 else factor * gradient
            for gradient, factor in zip(tape.gradient(loss, trained), self._factors, strict=True)
        ]
        decay = self._recipe.weight_decay
        if not decay:
            return gradients, moved
        gradients = [
            gradient + decay * variable if decayed else gradient
            for gradient, variable, decayed in zip(gradients, trained, self._decayed, strict=True)
        ]
        return gradients, moved

    def _update(
        self, variables: Sequence[Any], velocities: Sequence[Any], gradients: Sequence[Any], rate: Any
    ) -> tuple[list[Any], list[Any]]:
        """Return variables and velocities after one step, by the rule of `keras.optimizers.SGD`.

        v <- momentum * v - rate * g; then w <- w + v, or with Nesterov w <- w + momentum * v - rate * g.
        """
        momentum = self._recipe.momentum
        velocities = [momentum * v - rate * g for v, g in zip(velocities, gradients, strict=True)]
        moves = velocities
        if self._recipe.nesterov:
            moves = [momentum * v - rate * g for v, g in zip(velocities, gradients, strict=True)]
        return [w + move for w, move in zip(variables, moves, strict=True)], list(velocities)

    def _batch(self, variables: list[Any], first: Any) -> Any:
        # tf.slice would compile once for each start.
        batch = first + tf.range(self._n_evaluated)
        images, labels = self._examples(batch)
        images = tf.broadcast_to(images, [variables[0].shape[0], *images.shape])
        return judge(self._network.logits(variables, images), labels, self._outcomes)
