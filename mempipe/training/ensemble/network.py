"""A Keras model as a function of stacked variables: which layer takes which inputs, and which variables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras.src.models.functional import Functional

from mempipe.errors import SpecError
from mempipe.training.ensemble.layers import HINT, SWAP_BATCH_AND_CHANNELS, StackedLayer, Variables, stack_layer


@dataclass(frozen=True)
class _Call:
    """One layer in the graph.

    Attributes:
        layer: the layer.
        variables: positions of its variables in `model.variables`.
        inputs, output: names of tensors.
    """

    layer: StackedLayer
    variables: tuple[int, ...]
    inputs: tuple[int, ...]
    output: int


class StackedNetwork:
    """All members of a group as one function.

    Args:
        model: a `keras.Sequential`, or a functional model with one input and one output, of the layers that
            `mempipe.training.ensemble.layers` knows; its own variables are not used.

    Raises:
        SpecError: the model, a layer or one of its options cannot be vectorized; the message names it.
    """

    def __init__(self, model: keras.Model) -> None:
        graph = model._functional if type(model) is keras.Sequential else model
        # A subclass may compute something else.
        if type(graph) is not Functional or len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise SpecError(
                f"Model cannot be vectorized: it is {type(model).__name__}, expected keras.Sequential, or a functional "
                "model with one input and one output.",
                hint=HINT,
            )
        positions = {id(variable): position for position, variable in enumerate(model.variables)}
        self._input, self._output = id(graph.inputs[0]), id(graph.outputs[0])
        self._calls = [
            _Call(
                layer=_stacked(node),
                variables=tuple(positions[id(variable)] for variable in node.operation.variables),
                inputs=tuple(id(tensor) for tensor in node.input_tensors),
                output=id(node.outputs[0]),
            )
            for depth in sorted(graph._nodes_by_depth, reverse=True)
            for node in graph._nodes_by_depth[depth]
            if not node.is_input
        ]

    def logits(self, variables: Variables, images: Any) -> Any:
        """Return the logits in evaluation, float32 (width, batch, n_classes).

        Args:
            variables: as `model.variables`, each float32 (width, *shape).
            images: float32 (width, batch, h, w, c).
        """
        return self._run(variables, images, training=False)[0]

    def training_logits(self, variables: Variables, images: Any) -> tuple[Any, dict[int, Any]]:
        """Return the logits in training, and the new values of moving statistics by position in `model.variables`."""
        return self._run(variables, images, training=True)

    def _run(self, variables: Variables, images: Any, *, training: bool) -> tuple[Any, dict[int, Any]]:
        tensors = {self._input: tf.transpose(images, SWAP_BATCH_AND_CHANNELS)}
        moved: dict[int, Any] = {}
        for call in self._calls:
            own: Sequence[Any] = [variables[position] for position in call.variables]
            inputs = [tensors[name] for name in call.inputs]
            if training and call.layer.train is not None:
                tensors[call.output], statistics = call.layer.train(own, *inputs)
                moved |= zip(call.variables[-len(statistics) :], statistics, strict=True)
            else:
                tensors[call.output] = call.layer.apply(own, *inputs)
        return tensors[self._output], moved


def _stacked(node: Any) -> StackedLayer:
    layer = node.operation
    stacked = stack_layer(layer)
    options = {name: value for name, value in node.arguments.kwargs.items() if value is not None}
    n_calls = len(layer._inbound_nodes)
    if options or n_calls > 1:
        how = f"with {', '.join(options)}" if options else f"{n_calls} times"
        raise SpecError(
            f"Model cannot be vectorized: layer {layer.name} is called {how}, expected once, with its inputs alone.",
            hint=HINT,
        )
    return stacked
