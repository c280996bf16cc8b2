"""Residual networks (He et al. 2016, arXiv:1512.03385, Table 1) with the stem for ImageNet or for CIFAR."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from mempipe.training.blocks.convolution import activated, convolution, logits, normalization
from mempipe.training.blocks.stems import Stem

Block = Callable[[Any, int, int], Any]


def residual_network(
    image_shape: tuple[int, int, int], n_classes: int, *, stem: Stem, block: Block, repeats: Sequence[int]
) -> keras.Model:
    """Return a residual network; the output of stage k is the layer `stage{k}`, of the stem `stem`.

    Args:
        image_shape: (height, width, channels).
        n_classes: number of classes.
        stem: see `_stem`.
        block: `basic` or `bottleneck`.
        repeats: blocks of each stage; stage k has width 64 * 2 ** (k - 1), and all but the first halve the image.
    """
    inputs = keras.layers.Input(image_shape)
    x = _named("stem", _stem(inputs, stem))
    for stage, n_blocks in enumerate(repeats):
        for number in range(n_blocks):
            x = block(x, 64 * 2**stage, 2 if stage and not number else 1)
        x = _named(f"stage{stage + 1}", x)
    return keras.Model(inputs, logits(x, n_classes))


def basic(inputs: Any, width: int, stride: int) -> Any:
    """Return two 3 x 3 convolutions beside a shortcut (He et al. 2016, Fig. 5, left)."""
    x = activated(convolution(inputs, width, 3, stride=stride))
    x = normalization(convolution(x, width, 3))
    return _joined(inputs, x, width, stride)


def bottleneck(inputs: Any, width: int, stride: int) -> Any:
    """Return 1 x 1, 3 x 3 and 1 x 1 convolutions, the last four times as wide (He et al. 2016, Fig. 5, right).

    The 3 x 3 convolution has the stride, as in torchvision and fb.resnet.torch; the authors' first release had it in
    the 1 x 1 before. Feldman & Zhang do not say: assumed.
    """
    x = activated(convolution(inputs, width, 1))
    x = activated(convolution(x, width, 3, stride=stride))
    x = normalization(convolution(x, 4 * width, 1))
    return _joined(inputs, x, 4 * width, stride)


def _joined(inputs: Any, residual: Any, width: int, stride: int) -> Any:
    """Return ReLU(shortcut + residual): the identity where shapes agree, else a 1 x 1 convolution (option B)."""
    shortcut = inputs
    if stride > 1 or inputs.shape[-1] != width:
        shortcut = normalization(convolution(inputs, width, 1, stride=stride))
    return keras.layers.ReLU()(keras.layers.Add()([shortcut, residual]))


def _stem(inputs: Any, stem: Stem) -> Any:
    """Return the first layers.

    `imagenet`: 7 x 7 convolution of stride 2, then 3 x 3 max pooling of stride 2 (He et al. 2016, Table 1).
    `cifar`: "a single convolution layer with 3 x 3 kernel and 1 x 1 stride" for both (Feldman & Zhang 2020, App. B).
    """
    if stem == "cifar":
        return activated(convolution(inputs, 64, 3))
    x = activated(convolution(inputs, 64, 7, stride=2))
    # Zeros are no larger than what ReLU lets through, so they never win.
    return keras.layers.MaxPooling2D(3, strides=2)(keras.layers.ZeroPadding2D(1)(x))


def _named(name: str, inputs: Any) -> Any:
    return keras.layers.Identity(name=name)(inputs)
