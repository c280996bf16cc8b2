"""What is kept of a model's logits: correctness, margin, and whether they are finite at all."""

from typing import Any, Final

import numpy as np
import tensorflow as tf

_LARGEST: Final = float(np.finfo(np.float16).max)


def judge(logits: Any, labels: Any, *, margins: bool) -> tuple[Any, Any, Any]:
    """Compare logits with labels, in TensorFlow.

    Correctness: the label is the first class with the largest logit, on every device: no other logit is larger, and
    none before it is equal. Margin: log p_y - log(1 - p_y) = z_y - log(sum over j != y of exp z_j), which stays exact
    where p_y is near 1; kept within float16's finite range.

    Args:
        logits: float32 (..., n, c).
        labels: int32 (n,), or with the same leading axes as the logits.
        margins: whether margins are wanted.

    Returns:
        correct: bool (..., n); margin: float32 (..., n), empty (0,) where not wanted; finite: bool (..., n), whether
        all logits of the example are.
    """
    classes = tf.range(tf.shape(logits)[-1])
    own = labels[..., None] == classes
    own_logit = tf.reduce_sum(tf.where(own, logits, 0.0), axis=-1, keepdims=True)
    beaten = tf.where(classes < labels[..., None], logits < own_logit, logits <= own_logit)
    correct = tf.reduce_all(beaten | own, axis=-1)
    finite = tf.reduce_all(tf.math.is_finite(logits), axis=-1)
    if not margins:
        return correct, tf.zeros([0]), finite
    others = tf.reduce_logsumexp(tf.where(own, -np.inf, logits), axis=-1)
    return correct, tf.clip_by_value(own_logit[..., 0] - others, -_LARGEST, _LARGEST), finite
