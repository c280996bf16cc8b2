"""Computes outcomes from a model's logits on their device, and whether the logits are finite."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import tensorflow as tf

from mempipe.errors import SpecError


def judge(logits: Any, labels: Any, outcomes: Iterable[str]) -> tuple[dict[str, Any], Any]:
    """Compare logits with labels, in TensorFlow; `mempipe.outcomes` defines what each outcome is.

    The same on every device: where logits are equal, the first class wins.

    Args:
        logits: float32 (..., n, c).
        labels: int32 (n,), or with the same leading axes as the logits.
        outcomes: names of those to compute.

    Returns:
        The outcomes by name, each (..., n); finite: bool (..., n), whether all logits of the example are.

    Raises:
        SpecError: an outcome is not computed here.
    """
    names = list(outcomes)
    if missing := sorted(set(names) - set(_OUTCOMES)):
        raise SpecError(
            f"Outcomes cannot be computed: outcomes have {', '.join(missing)}, expected those of the built-in "
            f"trainers, {', '.join(_OUTCOMES)}.",
            hint="leave it out of the spec, or add it to mempipe/training/judge.py.",
        )
    classes = tf.range(tf.shape(logits)[-1])
    own = labels[..., None] == classes
    own_logit = tf.reduce_sum(tf.where(own, logits, 0.0), axis=-1, keepdims=True)
    finite = tf.reduce_all(tf.math.is_finite(logits), axis=-1)
    return {name: _OUTCOMES[name](logits, labels, classes, own, own_logit) for name in names}, finite


def _correct(logits: Any, labels: Any, classes: Any, own: Any, own_logit: Any) -> Any:
    """No other logit is larger, and none before it is equal."""
    beaten = tf.where(classes < labels[..., None], logits < own_logit, logits <= own_logit)
    return tf.reduce_all(beaten | own, axis=-1)


def _margin(logits: Any, _: Any, __: Any, own: Any, own_logit: Any) -> Any:
    others = tf.reduce_logsumexp(tf.where(own, -np.inf, logits), axis=-1)
    return own_logit[..., 0] - others


def _prediction(logits: Any, _: Any, classes: Any, __: Any, ___: Any) -> Any:
    """tf.argmax does not say which of equal logits it takes."""
    largest = tf.reduce_max(logits, axis=-1, keepdims=True)
    return tf.reduce_min(tf.where(logits == largest, classes, tf.shape(logits)[-1]), axis=-1)


_OUTCOMES: Final[dict[str, Callable[..., Any]]] = {"correct": _correct, "margin": _margin, "prediction": _prediction}
