"""The inputs of a model's last layer: the representation of each example (Feldman & Zhang 2020, section 3.6)."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mempipe.errors import SpecError


class LastLayer:
    """Computes the inputs of a model's last Dense layer with the current values of its variables.

    Args:
        model: a built Keras model.

    Raises:
        SpecError: its last layer is no Dense layer.
    """

    def __init__(self, model: keras.Model) -> None:
        last = model.layers[-1]
        if not isinstance(last, keras.layers.Dense):
            raise SpecError(
                f"Model has no features: its last layer {last.name} is {type(last).__name__}, expected Dense.",
                hint="end the model with keras.layers.Dense: linear models learn from the inputs of that layer.",
            )
        self._below = keras.Model(model.inputs, last.input)
        self._apply = tf.function(self._evaluated, reduce_retracing=True)

    def inputs(self, batches: Iterable[Any]) -> NDArray[np.float32]:
        """Return float32 (n, d): the layer's inputs of all images, in evaluation mode.

        Args:
            batches: normalized images, each float32 (batch, h, w, c).
        """
        return np.concatenate([self._apply(images).numpy() for images in batches])

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def _evaluated(self, images: Any) -> Any:
        return tf.cast(self._below(images, training=False), tf.float32)
