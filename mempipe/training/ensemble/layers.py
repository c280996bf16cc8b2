"""Keras layers as functions of stacked variables: every array has a leading axis for the members of a group.

Between layers, vectors are (width, batch, features) and images are (width, channels, h, w, batch): with the batch last,
slices, pooling and products run over long contiguous rows. A convolution is a product of kernels and patches, and the
patches are shifted slices, joined along the channels: one copy and one batched matrix product for XLA.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import keras
import tensorflow as tf

from mempipe.errors import SpecError
from mempipe.training.ensemble.batch_norm import moments, normalize
from mempipe.training.ensemble.pooling import average_pool, max_pool

Variables = Sequence[Any]

_ACTIVATIONS: Final = frozenset(
    {"linear", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "sigmoid", "tanh"}
)
_LAYERS: Final = (
    keras.layers.Dense,
    keras.layers.Conv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Flatten,
    keras.layers.ReLU,
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.ZeroPadding2D,
    keras.layers.Add,
    keras.layers.Concatenate,
    keras.layers.Identity,
)
SWAP_BATCH_AND_CHANNELS: Final = (0, 4, 2, 3, 1)
HINT: Final = "set `trainer.kind: single`, which trains any Keras model."


@dataclass(frozen=True)
class StackedLayer:
    """One layer of all members.

    Attributes:
        apply: (its variables, each float32 (width, *shape); inputs in the layout above) to outputs.
        train: the same in training, with the new values of the last of its variables, which no gradient moves; None:
            `apply` is also for training.
    """

    apply: Callable[..., Any]
    train: Callable[..., tuple[Any, list[Any]]] | None = None


def stack_layer(layer: keras.Layer) -> StackedLayer:
    """Translate one layer; `SpecError` where it cannot be."""
    if type(layer) not in _LAYERS:  # a subclass may compute something else
        names = ", ".join(kind.__name__ for kind in _LAYERS)
        raise SpecError(
            f"Model cannot be vectorized: layer {layer.name} is {type(layer).__name__}, expected one of {names}.",
            hint=HINT,
        )
    if layer.dtype_policy.name != "float32":
        raise _unsupported(layer, "dtype", layer.dtype_policy.name, "float32")
    match layer:
        case keras.layers.Dense():
            return _dense(layer)
        case keras.layers.Conv2D():
            return _convolution(layer)
        case keras.layers.MaxPooling2D():
            size = _pool_size(layer)
            return StackedLayer(lambda _, images: max_pool(images, size))
        case keras.layers.AveragePooling2D():
            size = _pool_size(layer)
            return StackedLayer(lambda _, images: average_pool(images, size))
        case keras.layers.GlobalAveragePooling2D():
            _expect(layer, "data_format", "channels_last")
            _expect(layer, "keepdims", False)
            return StackedLayer(lambda _, images: tf.transpose(tf.reduce_mean(images, axis=[2, 3]), (0, 2, 1)))
        case keras.layers.Flatten():
            _expect(layer, "data_format", "channels_last")
            return StackedLayer(lambda _, inputs: _flat(inputs))
        case keras.layers.ReLU():
            return StackedLayer(lambda _, inputs: layer.call(inputs))
        case keras.layers.BatchNormalization():
            return _normalization(layer)
        case keras.layers.ZeroPadding2D():
            _expect(layer, "data_format", "channels_last")
            pads = [(0, 0), (0, 0), *layer.padding, (0, 0)]
            return StackedLayer(lambda _, images: tf.pad(images, pads))
        case keras.layers.Add():
            shapes = {tensor.shape for tensor in layer.input}
            if len(shapes) > 1:
                raise _unsupported(layer, "inputs", f"of {len(shapes)} shapes", "of one shape")
            return StackedLayer(lambda _, *inputs: tf.add_n(inputs))
        case keras.layers.Concatenate():
            _expect(layer, "axis", -1, len(layer.output.shape) - 1)
            return StackedLayer(lambda _, *inputs: tf.concat(inputs, axis=1 if inputs[0].shape.rank == 5 else 2))
        case keras.layers.Identity():
            return StackedLayer(lambda _, inputs: inputs)
        case _:
            activation = _activation(layer)
            return StackedLayer(lambda _, inputs: activation(inputs))


def _flat(inputs: Any) -> Any:
    if inputs.shape.rank == 5:
        inputs = tf.transpose(inputs, SWAP_BATCH_AND_CHANNELS)
    return tf.reshape(inputs, [*inputs.shape[:2], -1])


def _dense(layer: keras.layers.Dense) -> StackedLayer:
    activation = _weighted(layer)

    def apply(variables: Variables, inputs: Any) -> Any:
        if inputs.shape.rank == 5:
            return activation(_image_product(inputs, variables))
        product = tf.matmul(inputs, variables[0])
        return activation(product + variables[1][:, None, :] if layer.use_bias else product)

    return StackedLayer(apply)


def _convolution(layer: keras.layers.Conv2D) -> StackedLayer:
    activation = _weighted(layer)
    _expect(layer, "data_format", "channels_last")
    _expect(layer, "groups", 1)
    _expect(layer, "dilation_rate", (1, 1))

    def apply(variables: Variables, images: Any) -> Any:
        patches = _patches(images, layer.kernel_size, layer.strides, same=layer.padding == "same")
        return activation(_image_product(patches, variables))

    return StackedLayer(apply)


def _normalization(layer: keras.layers.BatchNormalization) -> StackedLayer:
    _expect_plain(layer, "gamma", "beta")
    _expect(layer, "axis", len(layer.input.shape) - 1, -1)
    _expect(layer, "renorm", False)
    _expect(layer, "synchronized", False)

    def outputs(variables: Variables, inputs: Any, mean: Any, variance: Any) -> Any:
        scale, offset = variables[0] if layer.scale else None, variables[-3] if layer.center else None
        return normalize(inputs, mean, variance, scale=scale, offset=offset, epsilon=layer.epsilon)

    def apply(variables: Variables, inputs: Any) -> Any:
        return outputs(variables, inputs, *variables[-2:])

    def train(variables: Variables, inputs: Any) -> tuple[Any, list[Any]]:
        own = moments(inputs)
        moved = [
            old * layer.momentum + new * (1.0 - layer.momentum) for old, new in zip(variables[-2:], own, strict=True)
        ]
        return outputs(variables, inputs, *own), moved

    return StackedLayer(apply, train)


def _image_product(images: Any, variables: Variables) -> Any:
    """Return kernel^T times the features of each place, plus the bias if there is one.

    Args:
        images: float32 (width, features, h, w, batch).
        variables: kernel, which has `features` numbers for each output; perhaps bias (width, outputs).
    """
    width, features, *places = images.shape
    outputs = variables[0].shape[-1]
    kernel = tf.reshape(variables[0], [width, features, outputs])
    product = tf.matmul(kernel, tf.reshape(images, [width, features, -1]), transpose_a=True)
    if len(variables) == 2:
        product += variables[1][:, :, None]
    return tf.reshape(product, [width, outputs, *places])


def _patches(images: Any, kernel: tuple[int, int], strides: tuple[int, int], *, same: bool) -> Any:
    """Return the patch below each output, (width, kernel[0] * kernel[1] * channels, h, w, batch), in kernels' order."""
    outputs, pads = [], []
    for size, length, stride in zip(images.shape[2:4], kernel, strides, strict=True):
        output = -(-size // stride) if same else (size - length) // stride + 1
        missing = max(0, (output - 1) * stride + length - size) if same else 0
        outputs.append(output)
        pads.append((missing // 2, missing - missing // 2))
    images = tf.pad(images, [(0, 0), (0, 0), *pads, (0, 0)])
    shifted = [
        images[
            :,
            :,
            row : row + (outputs[0] - 1) * strides[0] + 1 : strides[0],
            column : column + (outputs[1] - 1) * strides[1] + 1 : strides[1],
            :,
        ]
        for row in range(kernel[0])
        for column in range(kernel[1])
    ]
    return tf.concat(shifted, axis=1)


def _weighted(layer: Any) -> Callable[[Any], Any]:
    """Check the options that Dense and Conv2D share; return the activation."""
    _expect_plain(layer, "kernel", "bias", "activity")
    if layer.lora_enabled or layer.quantization_mode:
        raise _unsupported(layer, "quantization", "on", "off")
    return _activation(layer)


def _activation(layer: Any) -> Callable[[Any], Any]:
    name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    if name not in _ACTIVATIONS or layer.activation is not keras.activations.get(name):
        raise _unsupported(layer, "activation", name, ", ".join(sorted(_ACTIVATIONS)))
    activation: Callable[[Any], Any] = layer.activation
    return activation


def _pool_size(layer: Any) -> tuple[int, int]:
    _expect(layer, "data_format", "channels_last")
    _expect(layer, "strides", tuple(layer.pool_size))
    _, height, width, _ = layer.input.shape
    if layer.padding == "same" and (height % layer.pool_size[0] or width % layer.pool_size[1]):
        raise _unsupported(layer, "padding", "same", "valid, or windows that divide the image")
    return int(layer.pool_size[0]), int(layer.pool_size[1])


def _expect_plain(layer: Any, *parts: str) -> None:
    """Check that a layer is trained, and nothing but the loss moves its variables."""
    for option in ("regularizer", "constraint"):
        for part in parts:
            value = getattr(layer, f"{part}_{option}", None)
            if value is not None:
                raise _unsupported(layer, f"{part}_{option}", type(value).__name__, "none")
    _expect(layer, "trainable", True)


def _expect(layer: Any, option: str, *expected: Any) -> None:
    if getattr(layer, option) not in expected:
        raise _unsupported(layer, option, getattr(layer, option), expected[0])


def _unsupported(layer: Any, option: str, got: Any, expected: Any) -> SpecError:
    kind = type(layer).__name__
    return SpecError(
        f"Model cannot be vectorized: layer {layer.name} ({kind}) {option} is {got}, expected {expected}.", hint=HINT
    )
