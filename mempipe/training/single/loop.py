"""The compiled training step of a Keras model, and the state that it changes."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mempipe.spec import Recipe
from mempipe.training.judge import judge
from mempipe.training.variables import is_kernel


class RateTable(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Looks the learning rate of a step up in a table.

    A step that loss scaling skips does not count, so float16 may end a few steps before the table does.

    Args:
        rates: float32 (steps,).
    """

    def __init__(self, rates: NDArray[np.float32]) -> None:
        super().__init__()
        self._rates = tf.constant(rates)

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step."""
        return tf.gather(self._rates, tf.minimum(tf.cast(step, tf.int32), len(self._rates) - 1))


class TrainingLoop:
    """Makes steps of SGD with momentum on one Keras model, and judges it.

    Args:
        model: the Keras model; every trial uses its variables in turn.
        recipe: momentum, weight decay.
        rates: float32 (steps,).
        precision: with `mixed_float16` the loss is scaled.
        margins: whether margins are wanted.
    """

    def __init__(
        self, model: keras.Model, recipe: Recipe, rates: NDArray[np.float32], *, precision: str, margins: bool
    ) -> None:
        self._model = model
        self._margins = margins
        self._decay = recipe.weight_decay
        optimizer: Any = keras.optimizers.SGD(
            learning_rate=RateTable(rates), momentum=recipe.momentum, nesterov=recipe.nesterov
        )
        if precision == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(model.trainable_variables)
        self._optimizer = optimizer
        self._fresh = [np.asarray(variable) for variable in optimizer.variables]
        self._steps = tf.function(self._run)
        self._judge_batch = tf.function(self._judge, reduce_retracing=True)

    @property
    def state(self) -> list[NDArray[Any]]:
        """The values of all variables of model and optimizer."""
        return [np.asarray(variable) for variable in self._variables()]

    @state.setter
    def state(self, values: Sequence[NDArray[Any]]) -> None:
        for variable, value in zip(self._variables(), values, strict=True):
            variable.assign(value)

    def begin(self, model_values: Sequence[NDArray[Any]]) -> None:
        """Put the model into a trial's initial state, and the optimizer into its own."""
        self.state = [*model_values, *self._fresh]

    def run(self, batches: Any, n_steps: int) -> None:
        """Make `n_steps` steps with the next batches of an iterator."""
        self._steps(batches, tf.constant(n_steps))

    def judge(self, dataset: tf.data.Dataset) -> tuple[NDArray[np.bool_], NDArray[np.float16] | None, bool]:
        """Judge the model on a data set; see `mempipe.training.judge`.

        Returns:
            correct: bool (n,); margin: float16 (n,), or None; whether all logits are finite.
        """
        found = [[part.numpy() for part in self._judge_batch(images, labels)] for images, labels in dataset]
        correct, margin, finite = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return correct, margin.astype(np.float16) if self._margins else None, bool(finite.all())

    def _variables(self) -> list[Any]:
        return [*self._model.variables, *self._optimizer.variables]

    def _run(self, batches: Any, n_steps: Any) -> None:
        for _ in tf.range(n_steps):
            images, labels = next(batches)
            self._step(images, labels)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def _step(self, images: Any, labels: Any) -> None:
        variables = self._model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self._model(images, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            loss = tf.reduce_mean(losses)
            if self._model.losses:
                loss += tf.add_n(self._model.losses)
            if self._decay:
                # The gradient of decay * w ** 2 / 2 is decay * w; here, so that loss scaling holds for it too.
                kernels = [variable for variable in variables if is_kernel(variable)]
                loss += self._decay * tf.add_n([tf.nn.l2_loss(kernel) for kernel in kernels])
            loss = self._optimizer.scale_loss(loss)
        self._optimizer.apply(tape.gradient(loss, variables), variables)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def _judge(self, images: Any, labels: Any) -> Any:
        return judge(self._model(images, training=False), labels, margins=self._margins)
