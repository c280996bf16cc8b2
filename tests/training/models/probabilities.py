"""A model that breaks the contract: it ends in float16."""

from typing import Any

from mempipe.spec import Strict


class Params(Strict):
    pass


def misfit(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> str | None:
    return None


def build(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> Any:
    import keras

    layers = [
        keras.layers.Input(image_shape),
        keras.layers.Flatten(),
        keras.layers.Dense(n_classes, dtype="float16"),
    ]
    return keras.Sequential(layers)
