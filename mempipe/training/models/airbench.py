"""`airbench`: the fast convolutional network of Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds" (arXiv:2404.00498).

A frozen whitening convolution of 2 x 2 patches, then three blocks, each halving the image, as in the author's programs
`airbench94` (depth 2) and `airbench96` (depth 3): of the ResNet-9 class. What differs: no trainable bias in the first
convolution (theirs is trained for 3 epochs), and no Lookahead. Kernels are stored channels-last, as all of Keras'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from mempipe.spec import Strict
from mempipe.training.blocks.sizes import too_small

if TYPE_CHECKING:
    import keras

MOMENTUM: Final = 0.8
"""Of moving statistics. The author's 0.6 is for batches of 1,024; for smaller ones more batches count."""
EPSILON: Final = 1e-5
"""Added to the variance; the author's 1e-12 is below what bfloat16 activations resolve."""
LOGIT_SCALE: Final = 1 / 9
"""What logits are multiplied by, before the last layer here, so that the model ends with it: the same function."""

Width = Annotated[int, Field(ge=1, le=4096)]


class Params(Strict):
    """Keys of the `airbench` model.

    Attributes:
        widths: filters of the three blocks.
        depth: convolutions in a block: 2, or 3 with a shortcut around the last two.
        activation: after each normalization and after the whitening convolution; the author's is `gelu`.
    """

    widths: tuple[Width, Width, Width] = (64, 256, 256)
    depth: Literal[2, 3] = 2
    activation: Literal["gelu", "relu"] = "gelu"


def misfit(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> str | None:  # noqa: ARG001
    """Return what does not fit: images smaller than what the network divides them by; or None."""
    return too_small(image_shape, least=9, because="loses a pixel and halves images three times")


def build(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Return the model: normalized float32 images (h, w, c) to float32 logits (n_classes); h and w may be None."""
    import keras

    from mempipe.training.blocks.whitening import PatchWhitening

    inputs = keras.layers.Input(image_shape)
    x = keras.layers.Activation(params.activation)(PatchWhitening()(inputs))
    for width in params.widths:
        x = _block(x, width, params)
    x = keras.layers.GlobalMaxPooling2D(name="features")(x)
    x = keras.layers.Rescaling(LOGIT_SCALE)(x)
    uniform = keras.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")
    last = keras.layers.Dense(n_classes, use_bias=False, kernel_initializer=uniform, dtype="float32", name="logits")
    return keras.Model(inputs, last(x))


def _block(inputs: Any, width: int, params: Params) -> Any:
    import keras

    x = keras.layers.MaxPooling2D(2)(_convolution(inputs, width))
    x = _activated(x, params)
    if params.depth == 2:
        return _activated(_convolution(x, width), params)
    residual = _normalized(_convolution(_activated(_convolution(x, width), params), width))
    return keras.layers.Activation(params.activation)(keras.layers.Add()([x, residual]))


def _convolution(inputs: Any, width: int) -> Any:
    import keras

    from mempipe.training.blocks.partial_identity import PartialIdentity

    return keras.layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=PartialIdentity())(inputs)


def _normalized(inputs: Any) -> Any:
    """Return batch normalization with offset and without scale."""
    import keras

    return keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, scale=False)(inputs)


def _activated(inputs: Any, params: Params) -> Any:
    import keras

    return keras.layers.Activation(params.activation)(_normalized(inputs))
