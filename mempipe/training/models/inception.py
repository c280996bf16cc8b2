"""`inception`: the small Inception of Zhang, Bengio, Hardt, Recht & Vinyals 2017 (arXiv:1611.03530), App. A, Fig. 3.

Feldman & Zhang 2020, App. B: "For MNIST, we use a simplified Inception model as described in [ZBHRV17]". That their
Inception for CIFAR-100 (section 3.5) is the same one is assumed. ZBHRV17 crop CIFAR to 28 x 28; here any size of at
least 4 fits, and CIFAR stays 32 x 32, since the recipe crops after padding (assumed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mempipe.spec import Strict
from mempipe.training.blocks.sizes import too_small

if TYPE_CHECKING:
    import keras

MOMENTUM: Final = 0.9
"""Of moving statistics. Assumed: TensorFlow's 0.999 would average over 1,000 of the 4,922 steps of an MNIST trial."""
EPSILON: Final = 1e-3
"""TensorFlow's."""

_STAGES: Final = (
    ((32, 32), (32, 48)),
    ((112, 48), (96, 64), (80, 80), (48, 96)),
    ((176, 160), (176, 160)),
)
"""Filters of the 1 x 1 and the 3 x 3 convolution of each inception module."""
_DOWNSAMPLED: Final = (80, 96)
"""Filters of the convolution of stride 2 before the second and the third stage."""


class Params(Strict):
    """The `inception` model has no keys."""


def misfit(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> str | None:  # noqa: ARG001
    """Return what does not fit: images smaller than what the network divides them by; or None."""
    return too_small(image_shape, least=4, because="halves images twice")


def build(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> keras.Model:  # noqa: ARG001
    """Return the model: normalized float32 images (h, w, c) to float32 logits (n_classes).

    The output of stage k is the layer `stage{k}`. At the end ZBHRV17 average 7 x 7 windows of their 7 x 7 images:
    here all of what is left.
    """
    import keras

    inputs = keras.layers.Input(image_shape)
    x = _conv_module(inputs, 96, 3)
    for number, modules in enumerate(_STAGES):
        if number:
            x = _downsample_module(x, _DOWNSAMPLED[number - 1])
        for filters in modules:
            x = _inception_module(x, *filters)
        x = keras.layers.Identity(name=f"stage{number + 1}")(x)
    pooled = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(n_classes, dtype="float32", name="logits")(pooled))


def _conv_module(inputs: Any, filters: int, kernel: int, *, stride: int = 1) -> Any:
    """Return convolution, batch normalization, ReLU.

    One offset and no scale for each filter, as TensorFlow-slim's `batch_norm`: so the network for CIFAR-10 has the
    1,649,402 parameters of ZBHRV17, Table 1. Kernels begin as Glorot's uniform distribution, TensorFlow's default.
    """
    import keras

    x = keras.layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False)(inputs)
    x = keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, scale=False)(x)
    return keras.layers.ReLU()(x)


def _inception_module(inputs: Any, narrow: int, wide: int) -> Any:
    """Return a 1 x 1 and a 3 x 3 conv module side by side."""
    import keras

    return keras.layers.Concatenate()([_conv_module(inputs, narrow, 1), _conv_module(inputs, wide, 3)])


def _downsample_module(inputs: Any, filters: int) -> Any:
    """Return a 3 x 3 conv module of stride 2 beside 3 x 3 max pooling of stride 2."""
    import keras

    pooled = keras.layers.MaxPooling2D(3, strides=2, padding="same")(inputs)
    return keras.layers.Concatenate()([_conv_module(inputs, filters, 3, stride=2), pooled])
