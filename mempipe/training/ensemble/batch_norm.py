"""Batch normalization of stacked features: each member by the moments of its own batch (Ioffe & Szegedy 2015)."""

from typing import Any

import tensorflow as tf


def moments(inputs: Any) -> tuple[Any, Any]:
    """Return mean and variance (population) of each member's features over its batch and, for images, all places.

    Args:
        inputs: float32 (width, batch, features) or (width, features, h, w, batch).

    Returns:
        Two arrays, each float32 (width, features).
    """
    mean = _mean(inputs)
    return mean, _mean(tf.math.squared_difference(inputs, per_feature(mean, inputs)))


def normalize(inputs: Any, mean: Any, variance: Any, *, scale: Any, offset: Any, epsilon: float) -> Any:
    """Return (inputs - mean) / sqrt(variance + epsilon) * scale + offset.

    Args:
        inputs: as for `moments`.
        mean: float32 (width, features).
        variance: likewise.
        scale: likewise, or None.
        offset: likewise, or None.
        epsilon: added to the variance.
    """
    factor = tf.math.rsqrt(variance + epsilon)
    if scale is not None:
        factor *= scale
    shift = -mean * factor if offset is None else offset - mean * factor
    return inputs * per_feature(factor, inputs) + per_feature(shift, inputs)


def per_feature(values: Any, like: Any) -> Any:
    """Return (width, features) in a shape that broadcasts against inputs."""
    width, features = values.shape
    return tf.reshape(values, [width, features, 1, 1, 1] if like.shape.rank == 5 else [width, 1, features])


def _mean(inputs: Any) -> Any:
    if inputs.shape.rank == 3:
        return tf.reduce_mean(inputs, axis=1)
    # The batch last: sums over places run along contiguous rows, which XLA vectorizes, and only a row is left.
    return tf.reduce_mean(tf.reduce_mean(inputs, axis=[2, 3]), axis=2)
