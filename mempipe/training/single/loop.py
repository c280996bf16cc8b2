"""The compiled training step of a Keras model, and the state that it changes."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mempipe.spec import Augmentation, Recipe
from mempipe.training.judge import judge
from mempipe.training.loss import cross_entropy
from mempipe.training.single.augment import augment
from mempipe.training.single.pipeline import Images
from mempipe.training.single.resize import resized
from mempipe.training.variables import is_decayed, rate_factor


class RateTable(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Looks up the learning rate of a step in a table.

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

    Built within the scope of a `tf.distribute` strategy with R replicas, each replica takes an R-th of every batch, and
    gradients are summed: up to the order of sums, the step is that of one device. Batch normalization is per replica:
    each normalizes by its own part of the batch.

    Args:
        model: the Keras model; every trial uses its variables in turn.
        recipe: momentum, weight decay, loss, augmentation, evaluation.
        rates: float32 (steps,).
        precision: with `mixed_float16` the loss is scaled.
        outcomes: names of what `judge` returns.
    """

    def __init__(
        self,
        model: keras.Model,
        recipe: Recipe,
        rates: NDArray[np.float32],
        *,
        precision: str,
        outcomes: tuple[str, ...],
    ) -> None:
        self._model = model
        self._outcomes = outcomes
        self._recipe = recipe
        self._factors = [rate_factor(variable, recipe.bias_rate) for variable in model.trainable_variables]
        self._strategy = tf.distribute.get_strategy()
        optimizer: Any = keras.optimizers.SGD(
            learning_rate=RateTable(rates), momentum=recipe.momentum, nesterov=recipe.nesterov
        )
        if precision == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(model.trainable_variables)
        self._optimizer = optimizer
        self._initial_optimizer = [np.asarray(variable) for variable in optimizer.variables]
        self._steps = tf.function(self._run)
        self._judge_batch = tf.function(self._judge, reduce_retracing=True)
        self._judge_all = tf.function(self._in_one_call)

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
        self.state = [*model_values, *self._initial_optimizer]

    def run(
        self, images: Images, batches: Any, n_steps: int, *, first: int = 0, key: int = 0, size: int | None = None
    ) -> None:
        """Make `n_steps` steps in one compiled call.

        Args:
            images: the training set.
            batches: what its feed gave for these steps.
            n_steps: how many.
            first: number of the first step in the trial.
            key: the trial's, for augmentation.
            size: height of the images that the model sees; None: their own. Each size is compiled once.
        """
        self._steps(images, batches, tf.constant(n_steps), tf.constant(first), tf.constant(key, tf.int64), size)

    def judge(self, images: Images, *, batch_size: int, threads: int) -> tuple[dict[str, NDArray[Any]], bool]:
        """Judge the model on all examples, in their order; see `mempipe.training.judge`.

        Args:
            images: the examples; of resident ones all are judged in one compiled call.
            batch_size: examples of a batch; the last may be short.
            threads: that make batches on the host.

        Returns:
            The outcomes by name, each (n,); whether all logits are finite.
        """
        if images.resident:
            values, finite = tf.nest.map_structure(np.asarray, self._judge_all(images, batch_size))
            return values, bool(finite.all())
        batches = [
            tf.nest.map_structure(np.asarray, self._judge_batch(*batch))
            for batch in images.in_order(batch_size=batch_size, threads=threads)
        ]
        values = {name: np.concatenate([outcomes[name] for outcomes, _ in batches]) for name in self._outcomes}
        return values, all(finite.all() for _, finite in batches)

    def _variables(self) -> list[Any]:
        return [*self._model.variables, *self._optimizer.variables]

    def _run(self, images: Images, batches: Any, n_steps: Any, first: Any, key: Any, size: int | None) -> None:
        for number in tf.range(n_steps):
            batch = images.batch(batches, number)
            self._strategy.run(self._step, args=(batch, first + number, key, size))

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def _step(self, batch: tuple[Any, ...], step: Any, key: Any, size: int | None) -> None:
        """Make one replica's part of a step: its part of the batch, and its part of the regularizers."""
        n_replicas, batch_size = self._strategy.num_replicas_in_sync, batch[0].shape[0]
        own = 0
        if n_replicas > 1:
            own = tf.distribute.get_replica_context().replica_id_in_sync_group * (batch_size // n_replicas)
            with tf.device("CPU:0"):  # so that only this part goes to the replica's device
                batch = tuple(part[own : own + batch_size // n_replicas] for part in batch)
        images, labels, *mirrored = batch
        recipe = self._recipe
        if recipe.augmentation != Augmentation():
            images = augment(
                images,
                recipe.augmentation,
                key=key,
                step=step,
                mirrored=mirrored[0] if mirrored else None,
                first=own,
                batch=batch_size,
            )
        if size is not None:
            images = resized(images, size)
        variables = self._model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self._model(images, training=True)
            loss = tf.reduce_mean(cross_entropy(logits, labels, smoothing=recipe.label_smoothing))
            if self._model.losses:
                loss += tf.add_n(self._model.losses)
            if recipe.weight_decay:
                loss += recipe.weight_decay * tf.add_n(self._squares(variables))
            if n_replicas > 1:
                loss /= n_replicas  # the optimizer sums the replicas' gradients
            loss = self._optimizer.scale_loss(loss)
        gradients = tape.gradient(loss, variables)
        self._optimizer.apply(
            [part if factor == 1 else factor * part for part, factor in zip(gradients, self._factors, strict=True)],
            variables,
        )

    def _squares(self, variables: Sequence[Any]) -> list[Any]:
        """Return what weight decay adds to the loss: the gradient of decay * w ** 2 / 2 is decay * w.

        It is part of the loss so that loss scaling holds for it too, and divided by what the gradient is multiplied by.
        """
        return [
            tf.nn.l2_loss(variable) if factor == 1 else tf.nn.l2_loss(variable) / factor
            for variable, factor in zip(variables, self._factors, strict=True)
            if is_decayed(variable, self._recipe.decay_scope)
        ]

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def _judge(self, images: Any, labels: Any) -> Any:
        logits = self._model(images, training=False)
        if self._recipe.evaluation.flip:
            logits = (logits + self._model(images[:, :, ::-1], training=False)) / 2
        return judge(logits, labels, self._outcomes)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def _in_one_call(self, images: Images, batch_size: int) -> Any:
        """Judge whole batches in a loop, then the last, which may be short."""
        before = (len(images) - 1) // batch_size
        last = self._judge(*images.examples(tf.range(before * batch_size, len(images))))
        if not before:
            return last
        whole = tf.map_fn(
            lambda number: self._judge(*images.examples(number * batch_size + tf.range(batch_size))),
            tf.range(before),
            fn_output_signature=tf.nest.map_structure(lambda part: tf.TensorSpec(batch_size, part.dtype), last),
        )
        return tf.nest.map_structure(lambda parts, rest: tf.concat([tf.reshape(parts, [-1]), rest], 0), whole, last)
