"""Convolution, batch normalization, pooling as the residual and dense networks' reference implementations have them."""

from typing import Any, Final

import keras

MOMENTUM: Final = 0.9
"""Part of a moving statistic that a step keeps (PyTorch and Torch write it as 0.1)."""
EPSILON: Final = 1e-5
"""Added to the variance. Both as in fb.resnet.torch, torchvision and liuzhuang13/DenseNet."""


def convolution(inputs: Any, filters: int, kernel: int, *, stride: int = 1) -> Any:
    """Return a convolution without bias, padded by kernel // 2 zeros on each side, as in the references.

    Kernels begin as He et al. 2015 (arXiv:1502.01852), eq. (10): normal with variance 2 / fan_in (Keras cuts it off at
    two standard deviations and keeps the variance). Keras' padding `same` would put all zeros of a convolution of
    stride 2 to the right and the bottom.
    """
    padding = "same"
    if stride > 1 and kernel > 1:
        inputs = keras.layers.ZeroPadding2D(kernel // 2)(inputs)
        padding = "valid"
    return keras.layers.Conv2D(
        filters, kernel, strides=stride, padding=padding, use_bias=False, kernel_initializer="he_normal"
    )(inputs)


def normalization(inputs: Any) -> Any:
    """Return batch normalization with scale (from 1) and offset (from 0); each replica's batch is its own."""
    return keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON)(inputs)


def activated(inputs: Any) -> Any:
    """Return ReLU of batch normalization."""
    return keras.layers.ReLU()(normalization(inputs))


def logits(features: Any, n_classes: int) -> Any:
    """Return the last layer, in float32: global average pooling (layer `features`), then Dense.

    Dense begins as Glorot's uniform distribution with zero bias: assumed, none of the papers says.
    """
    pooled = keras.layers.GlobalAveragePooling2D(name="features")(features)
    return keras.layers.Dense(n_classes, dtype="float32", name="logits")(pooled)
