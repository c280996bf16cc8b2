"""The variables of a Keras model: how each is initialized, and how weight decay and the learning rate act on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mempipe.errors import SpecError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, eq=False)
class Beginning:
    """How one variable is initialized.

    Attributes:
        variable: the Keras variable.
        initializer: the Keras initializer that its layer gave it; None for the state of a seed generator.
    """

    variable: Any
    initializer: Any | None


def beginnings(model: keras.Model) -> list[Beginning]:
    """Return how each of `model.variables` is initialized, in that order.

    Raises:
        SpecError: a layer does not name the initializer of one of its variables.
    """
    beginnings: dict[int, Beginning] = {}
    for layer in model._flatten_layers():
        for variable in layer._trainable_variables + layer._non_trainable_variables:
            beginnings[id(variable)] = Beginning(variable, _initializer(layer, variable))
        for generator in layer._seed_generators:
            beginnings[id(generator.state)] = Beginning(generator.state, None)
    missing = [variable.path for variable in model.variables if id(variable) not in beginnings]
    if missing:
        raise _no_initializer("a model", missing[0])
    return [beginnings[id(variable)] for variable in model.variables]


def is_decayed(variable: Any, scope: Literal["kernels", "all"]) -> bool:
    """Return whether weight decay acts on a trainable variable: with `kernels` not on biases and normalization."""
    return scope == "all" or str(variable.name).endswith("kernel")


def rate_factor(variable: Any, bias_rate: float) -> float:
    """Return what the loss's gradient by a variable is multiplied by: bias_rate for biases and offsets, else 1."""
    return bias_rate if str(variable.name).endswith(("bias", "beta")) else 1.0


def _initializer(layer: Any, variable: Any) -> Any:
    name = str(variable.name)
    candidates = [f"{name}_initializer", f"{name.removesuffix('_kernel')}_initializer"]
    if name == "kernel":
        candidates.append("depthwise_initializer")
    for candidate in candidates:
        initializer = getattr(layer, candidate, None)
        if initializer is not None:
            return initializer
    raise _no_initializer(type(layer).__name__, variable.path)


def _no_initializer(layer: str, path: str) -> SpecError:
    return SpecError(
        f"Model cannot be seeded: layer {layer} has no initializer for its variable {path}, "
        "expected an attribute <variable>_initializer.",
        hint="keep the initializer as an attribute of the layer, as Keras' own layers do.",
    )
