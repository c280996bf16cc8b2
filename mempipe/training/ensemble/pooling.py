"""Pooling of stacked images over windows that do not overlap, with Keras' choice where a maximum is tied."""

from typing import Any

import tensorflow as tf


def max_pool(images: Any, size: tuple[int, int]) -> Any:
    """Return the largest value of each window; its gradient goes to the first of the largest, row by row.

    (`tf.reduce_max` would share the gradient among tied values, which TensorFlow's own pooling does not.)

    Args:
        images: float32 (..., h, w, batch).
        size: height and width of a window; what is left over at the right and the bottom is ignored.

    Returns:
        float32 (..., h // size[0], w // size[1], batch).
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def pool(windows: Any) -> tuple[Any, Any]:
        largest = tf.reduce_max(windows, axis=[-4, -2], keepdims=True)

        def gradient(upstream: Any) -> Any:
            position = tf.reshape(tf.range(size[0] * size[1]), [size[0], 1, size[1], 1])
            tied = tf.where(windows == largest, position, size[0] * size[1])
            first = tf.reduce_min(tied, axis=[-4, -2], keepdims=True)
            return tf.where(position == first, upstream, 0.0)

        return largest, gradient

    return tf.squeeze(pool(_windows(images, size)), axis=[-4, -2])


def average_pool(images: Any, size: tuple[int, int]) -> Any:
    """Return the mean of each window; arguments and shape as in `max_pool`."""
    return tf.reduce_mean(_windows(images, size), axis=[-4, -2])


def _windows(images: Any, size: tuple[int, int]) -> Any:
    """Return (..., h // size[0], size[0], w // size[1], size[1], batch)."""
    *leading, height, width, batch = images.shape
    rows, columns = height // size[0], width // size[1]
    whole = images[..., : rows * size[0], : columns * size[1], :]
    return tf.reshape(whole, [*leading, rows, size[0], columns, size[1], batch])
