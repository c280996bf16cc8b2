"""`linear`: one fully connected layer, such as is trained on another model's features (section 3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mempipe.spec import Strict

if TYPE_CHECKING:
    import keras


class Params(Strict):
    """The `linear` model has no keys."""


def misfit(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> str | None:  # noqa: ARG001
    """Return None: it fits images of every size."""
    return None


def build(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> keras.Model:  # noqa: ARG001
    """Return the model: normalized float32 images (h, w, c) to float32 logits (n_classes).

    The layer begins as Glorot's uniform distribution with zero bias, as the last layer of the other models does: the
    paper says "from a random initialization".
    """
    import keras

    return keras.Sequential(
        [keras.layers.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(n_classes, dtype="float32")]
    )
