"""`resnet50`: the residual network of 50 layers (bottleneck blocks, 3 + 4 + 6 + 3) of He et al. 2016, Table 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mempipe.spec import Strict
from mempipe.training.blocks.stems import Stem, too_small

if TYPE_CHECKING:
    import keras


class Params(Strict):
    """Keys of the `resnet50` model.

    Attributes:
        stem: `imagenet`: 7 x 7 convolution of stride 2 and max pooling, as published; `cifar`: one 3 x 3 convolution
            instead (Feldman & Zhang 2020, App. B).
    """

    stem: Stem = "cifar"


def misfit(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> str | None:  # noqa: ARG001
    """Return what does not fit: images smaller than what the network divides them by; or None."""
    return too_small(params.stem, image_shape)


def build(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Return the model: normalized float32 images (h, w, c) to float32 logits (n_classes)."""
    from mempipe.training.blocks.residual import bottleneck, residual_network

    return residual_network(image_shape, n_classes, stem=params.stem, block=bottleneck, repeats=(3, 4, 6, 3))
