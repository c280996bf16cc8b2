"""A model with batch normalization that the ensemble can train."""

from typing import Any

from mempipe.spec import Strict


class Params(Strict):
    pass


def misfit(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> str | None:
    return None


def build(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> Any:
    import keras

    inputs = keras.layers.Input(image_shape)
    x = keras.layers.Conv2D(4, 3, use_bias=False)(inputs)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.8)(x))
    return keras.Model(inputs, keras.layers.Dense(n_classes)(keras.layers.Flatten()(x)))
