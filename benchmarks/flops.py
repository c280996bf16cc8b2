"""Floating-point operations of a trial, counted from its model, and the rate at which a machine can make them."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mempipe.spec import Spec
from mempipe.subsets import subset_size
from mempipe.training.registry import build_model
from mempipe.training.schedule import sized_steps


def forward_flop(model: Any) -> int:
    """Return the operations that a Keras model makes on one image, 2 for each product of an input and a weight.

    Counted are layers with a kernel: dense ones, and convolutions (also grouped ones), whose kernel acts at each place
    of the output. The rest (normalization, activation, pooling) costs time but, in comparison, few operations.

    Args:
        model: built for images of one size.
    """
    total = 0
    for layer in model._flatten_layers():
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            places = layer.output.shape[1:-1] if len(kernel.shape) > 2 else ()
            total += 2 * int(np.prod(kernel.shape)) * int(np.prod(places))
    return total


def trial_flop(spec: Spec, image_shape: tuple[int, int, int], *, n_train: int, n_test: int, n_classes: int) -> int:
    """Return the operations of one trial: training, three times the forward pass, and judging all examples once.

    The backward pass is two products as large as the forward one, by inputs and by kernels: the usual count, a little
    too high for the first layer.

    Args:
        spec: resolved.
        image_shape: (height, width, channels).
        n_train: examples of the training set, of which a trial sees its subset.
        n_test: examples of the test set.
        n_classes: number of classes.
    """
    component, recipe = spec.built_in()
    height, width, channels = image_shape

    def of_height(own: int) -> int:
        shape = own, max(1, round(width * own / height)), channels
        return forward_flop(build_model(component, shape, n_classes))

    steps = sized_steps(recipe, subset_size=subset_size(spec.subsets, n_train))
    training = sum((part.stop - part.start) * recipe.batch_size * of_height(part.size or height) for part in steps)
    judging = (n_train + n_test) * of_height(height) * (2 if recipe.evaluation.flip else 1)
    return 3 * training + judging


def matrix_rate(size: int = 1024, *, clock: Callable[[], float] = time.process_time) -> float:
    """Return the operations a second of a float32 matrix product, in TensorFlow as it is configured: the best of ten.

    Args:
        size: rows and columns of both matrices.
        clock: what counts seconds: processor time, or that of the clock where a GPU computes.
    """
    import tensorflow as tf

    product = tf.constant(np.random.default_rng(0).normal(size=(size, size)).astype(np.float32))
    seconds = []
    for _ in range(10):
        begun = clock()
        tf.reduce_max(tf.matmul(product, product)).numpy()
        seconds.append(clock() - begun)
    return 2 * size**3 / min(seconds)
