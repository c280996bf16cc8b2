"""`resnet18`: the residual network of 18 layers (basic blocks, 2 + 2 + 2 + 2) of He et al. 2016, Table 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mempipe.training.blocks.stems import StemParams as Params
from mempipe.training.blocks.stems import misfit

if TYPE_CHECKING:
    import keras


__all__ = ["Params", "build", "misfit"]


def build(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Return the model: normalized float32 images (h, w, c) to float32 logits (n_classes)."""
    from mempipe.training.blocks.residual import basic, residual_network

    return residual_network(image_shape, n_classes, stem=params.stem, block=basic, repeats=(2, 2, 2, 2))
