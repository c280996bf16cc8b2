"""A small model for images of every size, with batch normalization and biases."""

from typing import Any

from mempipe.spec import Strict


class Params(Strict):
    pass


def misfit(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> str | None:
    return None


def build(params: Params, image_shape: tuple[int, int, int], n_classes: int) -> Any:
    import keras

    inputs = keras.layers.Input(image_shape)
    x = keras.layers.Conv2D(4, 3, kernel_initializer="he_normal")(inputs)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.GlobalMaxPooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(n_classes, dtype="float32")(x))
