"""`densenet100`: DenseNet-BC of 100 layers (Huang, Liu, van der Maaten & Weinberger 2017, arXiv:1608.06993)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from mempipe.spec import Strict
from mempipe.training.blocks.sizes import too_small

if TYPE_CHECKING:
    import keras

_BLOCKS: Final = 3
_LAYERS: Final = 16
"""Layers of a block, of two convolutions each: 100 = 3 * 2 * 16 + 4."""


class Params(Strict):
    """Keys of the `densenet100` model.

    Attributes:
        growth: feature maps that each layer adds, k. Feldman & Zhang 2020 do not say: 12 is assumed, and so are the
            bottlenecks and the compression by half (DenseNet-BC), the k = 12, L = 100 of Huang et al., Table 2.
    """

    growth: int = Field(12, ge=1, le=256)


def misfit(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> str | None:  # noqa: ARG001
    """Return what does not fit: images smaller than what the network divides them by; or None."""
    return too_small(image_shape, least=4, because="halves images twice")


def build(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Return the model: normalized float32 images (h, w, c) to float32 logits (n_classes).

    Huang et al., section 3: a 3 x 3 convolution to 2k maps, three dense blocks with transitions between them, global
    average pooling. The output of block k is the layer `block{k}`.
    """
    import keras

    from mempipe.training.blocks.convolution import activated, convolution, logits

    inputs = keras.layers.Input(image_shape)
    x = convolution(inputs, 2 * params.growth, 3)
    for block in range(_BLOCKS):
        if block:
            x = _transition(x)
        for _ in range(_LAYERS):
            x = _dense_layer(x, params.growth)
        x = keras.layers.Identity(name=f"block{block + 1}")(x)
    return keras.Model(inputs, logits(activated(x), n_classes))


def _dense_layer(inputs: Any, growth: int) -> Any:
    """Return the inputs beside k new maps: BN-ReLU-Conv(1 x 1) to 4k maps, BN-ReLU-Conv(3 x 3) to k."""
    import keras

    from mempipe.training.blocks.convolution import activated, convolution

    x = convolution(activated(inputs), 4 * growth, 1)
    return keras.layers.Concatenate()([inputs, convolution(activated(x), growth, 3)])


def _transition(inputs: Any) -> Any:
    """Return half as many maps of half the height and width: BN-ReLU-Conv(1 x 1), 2 x 2 average pooling."""
    import keras

    from mempipe.training.blocks.convolution import activated, convolution

    return keras.layers.AveragePooling2D(2)(convolution(activated(inputs), inputs.shape[-1] // 2, 1))
