"""Initial weights: a pure function of (seed, trial), for any Keras layer."""

import keras
import numpy as np
import pytest

from mempipe.errors import SpecError
from mempipe.training.initial import InitialState
from mempipe.training.variables import is_decayed


def model() -> keras.Model:
    layers = [
        keras.layers.Input((6, 6, 2)),
        keras.layers.Conv2D(3, 3, kernel_initializer="he_normal"),
        keras.layers.DepthwiseConv2D(2),
        keras.layers.SeparableConv2D(4, 2),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5),
        keras.layers.Flatten(),
        keras.layers.Dense(3),
    ]
    return keras.Sequential(layers)


def test_the_same_trial_begins_the_same_in_every_model_object() -> None:
    one, other = InitialState(model(), seed=1), InitialState(model(), seed=1)
    other.values(0)
    for left, right in zip(one.values(3), other.values(3), strict=True):
        np.testing.assert_array_equal(left, right)
        assert left.dtype == right.dtype


def test_shapes_dtypes_and_meaning_are_the_models_own() -> None:
    built = model()
    values = InitialState(built, seed=1).values(0)
    for variable, value in zip(built.variables, values, strict=True):
        assert value.shape == variable.shape
        assert value.dtype == variable.dtype
        random = variable.name.endswith("kernel") or variable.name == "seed_generator_state"
        if not random:
            np.testing.assert_array_equal(value, np.asarray(variable))
        variable.assign(value)


@pytest.mark.parametrize("change", ["seed", "trial", "position"])
def test_everything_random_differs_between_trials_seeds_and_variables(change: str) -> None:
    layers = [keras.layers.Input((4,)), keras.layers.Dense(4), keras.layers.Dense(4)]
    state = InitialState(keras.Sequential(layers), seed=1)
    first, _, second, _ = state.values(0)
    if change == "seed":
        second = InitialState(keras.Sequential(layers), seed=2).values(0)[0]
    elif change == "trial":
        second = state.values(1)[0]
    assert not np.isclose(first, second).any()


def test_the_distribution_is_the_initializers() -> None:
    built = keras.Sequential([keras.layers.Input((100,)), keras.layers.Dense(100)])
    state = InitialState(built, seed=0)
    kernels = np.stack([state.values(trial)[0] for trial in range(5)])
    limit = np.sqrt(6 / 200)
    assert np.abs(kernels).max() <= limit
    # 50,000 uniform values: the mean lies within 5 standard errors (false alarm below 1e-6).
    assert abs(kernels.mean()) < 5 * limit / np.sqrt(3) / np.sqrt(kernels.size)
    assert kernels.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)


def test_a_layer_that_hides_its_initializer_is_named() -> None:
    class Scale(keras.layers.Layer):
        def build(self, input_shape: tuple[int, ...]) -> None:
            self.scale = self.add_weight(name="scale", shape=(1,), initializer="ones")

        def call(self, inputs: object) -> object:
            return inputs * self.scale  # type: ignore[operator]

    with pytest.raises(SpecError, match=r"layer Scale has no initializer for its variable .*scale"):
        InitialState(keras.Sequential([keras.layers.Input((4,)), Scale()]), seed=0)


def test_kernels_decay_and_nothing_else() -> None:
    decayed = {variable.name for variable in model().variables if is_decayed(variable, "kernels")}
    assert decayed == {"kernel", "depthwise_kernel", "pointwise_kernel"}
