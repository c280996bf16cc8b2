"""`small_cnn`: 3 x 3 convolutions, each with ReLU and 2 x 2 max pooling, then one hidden layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mempipe.spec import Strict

if TYPE_CHECKING:
    import keras


class Params(Strict):
    """Keys of the `small_cnn` model.

    Attributes:
        filters: filters of each convolution; each halves height and width.
        dense: units of the hidden layer.
    """

    filters: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field((16, 32), min_length=1)
    dense: int = Field(64, ge=1, le=65536)


def misfit(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> str | None:  # noqa: ARG001
    """Return what does not fit: more halvings than the images allow; or None."""
    smaller = min(image_shape[:2])
    most = smaller.bit_length() - 1
    if len(params.filters) <= most:
        return None
    return (
        f"filters has {len(params.filters)} convolutions, expected 1 to {most}: each halves images of "
        f"{image_shape[0]} x {image_shape[1]}"
    )


def build(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Return the model: normalized float32 images (h, w, c) to float32 logits (n_classes)."""
    import keras

    blocks = []
    for filters in params.filters:
        blocks += [
            keras.layers.Conv2D(filters, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
        ]
    return keras.Sequential(
        [
            keras.layers.Input(image_shape),
            *blocks,
            keras.layers.Flatten(),
            keras.layers.Dense(params.dense, activation="relu"),
            keras.layers.Dense(n_classes, dtype="float32"),
        ]
    )
