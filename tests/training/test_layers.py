"""Stacked layers against Keras: every member of a group must be the Keras model with that member's variables."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from mempipe.errors import SpecError
from mempipe.spec import Component, Recipe
from mempipe.training.blocks.residual import basic, residual_network
from mempipe.training.ensemble.layers import stack_layer
from mempipe.training.ensemble.network import StackedNetwork
from mempipe.training.ensemble.pooling import max_pool
from mempipe.training.ensemble.program import Program
from mempipe.training.initial import InitialState
from mempipe.training.normalize import Normalization
from mempipe.training.registry import build_model, resolve_model

L = keras.layers
WIDTH, BATCH, SHAPE, N_CLASSES = 3, 5, (8, 6, 2), 4


def registered(**keys: Any) -> keras.Model:
    return build_model(resolve_model(Component.model_validate(keys)), SHAPE, N_CLASSES)


def sequential(*layers: Any) -> keras.Model:
    return keras.Sequential([L.Input(SHAPE), *layers])


def branched() -> keras.Model:
    inputs = L.Input(SHAPE)
    left = L.Conv2D(3, 1)(inputs)
    right = L.Identity()(L.BatchNormalization()(inputs))
    joined = L.Concatenate()([left, right])
    summed = L.Add()([joined, L.Conv2D(5, (2, 4))(L.ZeroPadding2D(((1, 0), (2, 1)))(joined))])
    vectors = L.Concatenate()([L.GlobalAveragePooling2D()(summed), L.Flatten()(right)])
    return keras.Model(inputs, L.Dense(N_CLASSES)(vectors))


MODELS: dict[str, Callable[[], keras.Model]] = {
    "mlp": lambda: registered(name="mlp", hidden=[7, 5]),
    "linear": lambda: registered(name="mlp", hidden=[]),
    "small_cnn": lambda: registered(name="small_cnn", filters=[3, 4], dense=6),
    "strides, even kernel, average pooling": lambda: sequential(
        L.Conv2D(3, (2, 4), strides=(2, 1), padding="same", activation="tanh", use_bias=False),
        L.AveragePooling2D((2, 3)),
        L.Flatten(),
        L.Activation("gelu"),
        L.Flatten(),
        L.Dense(N_CLASSES, use_bias=False),
    ),
    "valid, strided, global pooling, dense on images": lambda: sequential(
        L.Conv2D(3, (3, 2), strides=2),
        L.ReLU(max_value=2.0, negative_slope=0.1),
        L.Dense(5, activation="elu"),
        L.GlobalAveragePooling2D(),
        L.Dense(N_CLASSES),
    ),
    "batch normalization of images and of vectors": lambda: sequential(
        L.Conv2D(3, 3, use_bias=False),
        L.BatchNormalization(momentum=0.7, epsilon=1e-2),
        L.ReLU(),
        L.Flatten(),
        L.Dense(6),
        L.BatchNormalization(scale=False, momentum=0.6),
        L.ReLU(),
        L.BatchNormalization(center=False, axis=1),
        L.Dense(N_CLASSES),
    ),
    "residual": lambda: residual_network(SHAPE, N_CLASSES, stem="cifar", block=basic, repeats=[1, 1]),
    "branches": branched,
    "pooling that leaves a rest": lambda: sequential(
        L.MaxPooling2D(3), L.Conv2D(2, 1), L.Flatten(), L.Dense(N_CLASSES)
    ),
}


def members(model: keras.Model) -> tuple[list[list[Any]], list[Any]]:
    """The initial values of a few trials, one by one and stacked."""
    initial = [InitialState(model, seed=0).values(trial) for trial in range(WIDTH)]
    random = np.random.default_rng(0)
    initial = [[value + random.normal(0, 0.1, value.shape).astype(np.float32) for value in one] for one in initial]
    return initial, [tf.constant(np.stack(values)) for values in zip(*initial, strict=True)]


def batch(*, quantized: bool = False) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    random = np.random.default_rng(1)
    images = random.normal(size=(WIDTH * BATCH, *SHAPE)).astype(np.float32)
    if quantized:
        images = np.round(images)
    return images, random.integers(0, N_CLASSES, WIDTH * BATCH).astype(np.int32)


def set_values(model: keras.Model, values: list[Any]) -> None:
    for variable, value in zip(model.variables, values, strict=True):
        variable.assign(value)


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_kerass(name: str) -> None:
    model = MODELS[name]()
    initial, stacked = members(model)
    images, _ = batch()
    images = images.reshape(WIDTH, BATCH, *SHAPE)
    logits = StackedNetwork(model).logits(stacked, tf.constant(images)).numpy()
    assert logits.shape == (WIDTH, BATCH, N_CLASSES)
    for member, values in enumerate(initial):
        set_values(model, values)
        atol = 2e-6 * max(1, np.abs(logits).max())  # rounding is relative to what is summed
        np.testing.assert_allclose(logits[member], model(images[member]).numpy(), rtol=2e-5, atol=atol)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mlp", {}),
        ("mlp", {"nesterov": True, "weight_decay": 0.05}),
        ("small_cnn", {"weight_decay": 0.05}),
        ("strides, even kernel, average pooling", {"momentum": 0.0}),
        ("valid, strided, global pooling, dense on images", {}),
        ("batch normalization of images and of vectors", {"weight_decay": 0.05}),
        ("branches", {"nesterov": True}),
    ],
)
def test_steps_are_those_of_keras_sgd(name: str, changes: dict[str, Any]) -> None:
    """Three steps at different rates: gradient, decay of kernels only, momentum, the order of the update, and the
    moving statistics."""
    model = MODELS[name]()
    recipe = Recipe.model_validate({"epochs": 1, "batch_size": BATCH, "learning_rate": 1.0, **changes})
    initial, stacked = members(model)
    images, labels = batch()
    batches = np.random.default_rng(2).integers(0, len(images), (3, WIDTH, BATCH)).astype(np.int32)
    rates = np.array([0.1, 0.3, 0.2], dtype=np.float32)

    plain = Normalization(shift=np.zeros(SHAPE[2], np.float32), scale=np.ones(SHAPE[2], np.float32))
    program = Program(model, images, labels, plain, recipe=recipe, outcomes=("correct",))
    variables, _ = program.train(stacked, program.at_rest(stacked), batches, rates)

    for member, values in enumerate(initial):
        set_values(model, values)
        optimizer = keras.optimizers.SGD(momentum=recipe.momentum, nesterov=recipe.nesterov)
        for examples, rate in zip(batches[:, member], rates, strict=True):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(
                    keras.losses.sparse_categorical_crossentropy(
                        labels[examples], model(images[examples], training=True), from_logits=True
                    )
                )
            gradients = [
                gradient + recipe.weight_decay * variable.value if variable.name == "kernel" else gradient
                for gradient, variable in zip(
                    tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True
                )
            ]
            optimizer.learning_rate = float(rate)
            optimizer.apply(gradients, model.trainable_variables)
        for stack, variable in zip(variables, model.variables, strict=True):
            np.testing.assert_allclose(stack[member].numpy(), np.asarray(variable), rtol=1e-4, atol=2e-6)


def test_tied_maxima_send_the_gradient_where_tensorflow_does() -> None:
    images = tf.constant(np.random.default_rng(0).integers(0, 2, (5, 10, 6, 2)).astype(np.float32))
    upstream = tf.constant(np.random.default_rng(1).normal(size=(5, 3, 3, 2)).astype(np.float32))
    batch_last = (3, 1, 2, 0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        ours = tf.transpose(max_pool(tf.transpose(images, batch_last), (3, 2)), batch_last)
        theirs = tf.nn.max_pool2d(images, (3, 2), (3, 2), "VALID")
        losses = [tf.reduce_sum(pooled * upstream) for pooled in (ours, theirs)]
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(tape.gradient(losses[0], images), tape.gradient(losses[1], images))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: L.Dropout(0.5), r"is Dropout, expected one of Dense, Conv2D"),
        (lambda: L.BatchNormalization(axis=1), r"axis is 1, expected 3"),
        (lambda: L.BatchNormalization(trainable=False), r"trainable is False, expected True"),
        (lambda: L.BatchNormalization(renorm=True), r"renorm is True, expected False"),
        (lambda: L.BatchNormalization(beta_regularizer="l2"), r"beta_regularizer is L2, expected none"),
        (lambda: L.DepthwiseConv2D(3), r"is DepthwiseConv2D, expected"),
        (lambda: L.Conv2D(4, 3, groups=2), r"\(Conv2D\) groups is 2, expected 1"),
        (lambda: L.Conv2D(4, 3, dilation_rate=2), r"dilation_rate is \(2, 2\), expected \(1, 1\)"),
        (lambda: L.MaxPooling2D(3, strides=2), r"strides is \(2, 2\), expected \(3, 3\)"),
        (lambda: L.MaxPooling2D(4, padding="same"), r"padding is same, expected valid"),
        (lambda: L.Dense(3, activation="softmax"), r"activation is softmax, expected"),
        (lambda: L.Dense(3, activation=lambda x: x * x), r"activation is <lambda>, expected"),
        (lambda: L.Dense(3, kernel_regularizer="l2"), r"kernel_regularizer is L2, expected none"),
        (lambda: L.Dense(3, kernel_constraint="non_neg"), r"kernel_constraint is NonNeg, expected none"),
        (lambda: L.Dense(3, trainable=False), r"trainable is False, expected True"),
        (lambda: L.Dense(3, dtype="mixed_bfloat16"), r"dtype is mixed_bfloat16, expected float32"),
    ],
)
def test_what_cannot_be_vectorized_is_named_with_the_way_out(layer: Callable[[], Any], message: str) -> None:
    model = sequential(layer())
    with pytest.raises(SpecError, match=message) as caught:
        StackedNetwork(model)
    assert model.layers[0].name in str(caught.value)
    assert "trainer.kind: single" in caught.value.hint


def test_how_a_layer_is_called_is_no_secret() -> None:
    inputs = L.Input(SHAPE)
    vectors = L.Flatten()(inputs)
    shared = L.Dense(96)
    for outputs, message in (
        (L.BatchNormalization()(vectors, training=False), "is called with training, expected once"),
        (shared(shared(vectors)), "is called 2 times, expected once"),
        (L.Add()([vectors, L.Dense(1)(vectors)]), r"\(Add\) inputs is of 2 shapes, expected of one shape"),
        (vectors + vectors, "is Add, expected one of Dense"),
    ):
        with pytest.raises(SpecError, match=message):
            StackedNetwork(keras.Model(inputs, outputs))


def test_a_model_of_another_kind_is_refused() -> None:
    class Doubled(keras.Model):
        def call(self, inputs: Any) -> Any:
            return 2 * inputs

    with pytest.raises(SpecError, match=r"it is Doubled, expected keras\.Sequential, or a functional"):
        StackedNetwork(Doubled())
    inputs = L.Input(SHAPE)
    with pytest.raises(SpecError, match="with one input and one output"):
        StackedNetwork(keras.Model(inputs, [L.Flatten()(inputs), inputs]))


def test_a_subclass_of_a_known_layer_is_not_taken_for_it() -> None:
    class Doubled(L.Dense):
        def call(self, inputs: Any) -> Any:
            return 2 * super().call(inputs)

    model = sequential(Doubled(3))
    with pytest.raises(SpecError, match="is Doubled, expected one of Dense"):
        stack_layer(model.layers[0])
