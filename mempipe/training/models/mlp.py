"""`mlp`: fully connected layers with ReLU between them; without hidden layers, a linear model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mempipe.spec import Strict

if TYPE_CHECKING:
    import keras


class Params(Strict):
    """Keys of the `mlp` model.

    Attributes:
        hidden: units of each hidden layer, from the input on.
    """

    hidden: tuple[Annotated[int, Field(ge=1, le=65536)], ...] = (64,)


def misfit(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> str | None:  # noqa: ARG001
    """Return None: it fits images of every size."""
    return None


def build(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    """Return the model: normalized float32 images (h, w, c) to float32 logits (n_classes)."""
    import keras

    hidden = [keras.layers.Dense(units, activation="relu") for units in params.hidden]
    return keras.Sequential(
        [
            keras.layers.Input(image_shape),
            keras.layers.Flatten(),
            *hidden,
            keras.layers.Dense(n_classes, dtype="float32"),
        ]
    )
