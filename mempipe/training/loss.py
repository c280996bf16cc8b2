"""The loss that both trainers minimize: cross-entropy, perhaps with smoothed labels."""

from typing import Any

import tensorflow as tf


def cross_entropy(logits: Any, labels: Any, *, smoothing: float) -> Any:
    """Return each example's cross-entropy, float32 of the shape of `labels`.

    With smoothing s and K classes, a label gives its class 1 - s + s / K, and each other class s / K (Szegedy et al.
    2016, arXiv:1512.00567, section 7).

    Args:
        logits: float32 (..., K).
        labels: int32 (...).
        smoothing: s, in [0, 1).
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    if not smoothing:
        return losses
    return (1 - smoothing) * losses - smoothing * tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
