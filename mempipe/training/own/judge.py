"""Checks what a trainer gives for a trial, and computes the outcomes that the run keeps, by their definitions."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.outcomes import REQUIRED, outcome
from mempipe.training.own.folder import MisfitError

_BLOCK: Final = 2**16
"""Examples whose outcomes are computed at once, so that a large set needs little memory."""

_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "logits": ("logits",),
    "margins": ("margins", "predictions"),
    "correctness": ("correctness",),
}


def shapes_of(output: str, n_train: int, n_test: int, n_classes: int) -> dict[str, tuple[int, ...]]:
    """Return the arrays that a trainer with this `trainer.output` gives for each trial: their shapes by name."""
    shapes: dict[str, tuple[int, ...]] = {}
    for part, n in (("train", n_train), ("test", n_test)):
        for name in _NAMES[output]:
            shapes[f"{part}_{name}"] = (n, n_classes) if name == "logits" else (n,)
    return shapes


def judge(
    arrays: Mapping[str, NDArray[Any]], part: str, labels: NDArray[np.int64], n_classes: int, outcomes: Iterable[str]
) -> dict[str, NDArray[Any]]:
    """Check one part of a trial's arrays and compute its outcomes.

    Args:
        arrays: what the trainer gave, by name.
        part: `train` or `test`.
        labels: int64 (n,); of this part.
        n_classes: number of classes.
        outcomes: names of those to compute.

    Returns:
        The outcomes by name, (n,), not yet encoded.

    Raises:
        MisfitError: an array has another shape or dtype, is not finite, or contradicts another.
    """
    given: dict[str, NDArray[Any]] = {}
    for name, check in _CHECKS.items():
        array = arrays.get(f"{part}_{name}")
        if array is not None:
            shape = (labels.size, n_classes) if name == "logits" else (labels.size,)
            if array.shape != shape:
                raise MisfitError(f"{part}_{name} is {array.dtype} {array.shape}, expected shape {shape}")
            given[name] = check(array, f"{part}_{name}", n_classes)
    values = {name: _outcome(name, given, labels) for name in {REQUIRED, *outcomes}}
    for name, value in values.items():
        kind = outcome(name)
        problem = kind.problem(kind.encode(value, n_classes), values[REQUIRED], labels, n_classes)
        if problem is not None:
            raise MisfitError(f"{part} {name} {problem}")
    return {name: values[name] for name in outcomes}


def _outcome(name: str, given: Mapping[str, NDArray[Any]], labels: NDArray[np.int64]) -> NDArray[Any]:
    if "logits" in given:
        kind, logits = outcome(name), given["logits"]
        blocks = (slice(start, start + _BLOCK) for start in range(0, labels.size, _BLOCK))
        return np.concatenate([kind.of_logits(_wide(logits[block]), labels[block]) for block in blocks])
    if name == REQUIRED:
        return given["correctness"] if "correctness" in given else given["predictions"] == labels
    return given["margins" if name == "margin" else "predictions"]


def _wide(logits: NDArray[Any]) -> NDArray[Any]:
    """Return logits as float32 or float64: float16 would lose bits in sums."""
    return logits.astype(np.float32) if logits.dtype.itemsize < 4 else logits


def _finite(array: NDArray[Any], name: str, _: int) -> NDArray[Any]:
    if not np.issubdtype(array.dtype, np.floating):
        raise MisfitError(f"{name} is {array.dtype}, expected float16, float32 or float64")
    wrong = ~np.isfinite(array)
    if wrong.any():
        index = tuple(int(axis[0]) for axis in wrong.nonzero())
        raise MisfitError(f"{name} of example {index[0]} is {array[index]}, expected a finite number")
    return array


def _classes(array: NDArray[Any], name: str, n_classes: int) -> NDArray[np.int64]:
    if not np.issubdtype(array.dtype, np.integer):
        raise MisfitError(f"{name} is {array.dtype}, expected integers")
    wrong = (array < 0) | (array >= n_classes)
    if wrong.any():
        index = int(wrong.argmax())
        raise MisfitError(f"{name} of example {index} is {array[index]}, expected 0 to {n_classes - 1}")
    return array.astype(np.int64)


def _truths(array: NDArray[Any], name: str, _: int) -> NDArray[np.bool_]:
    if array.dtype != np.bool_ and not np.issubdtype(array.dtype, np.integer):
        raise MisfitError(f"{name} is {array.dtype}, expected bool, or integers that are 0 or 1")
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        index = int(wrong.argmax())
        raise MisfitError(f"{name} of example {index} is {array[index]}, expected 0 or 1")
    return array.astype(np.bool_)


_CHECKS: Final[dict[str, Callable[[NDArray[Any], str, int], NDArray[Any]]]] = {
    "logits": _finite,
    "margins": _finite,
    "predictions": _classes,
    "correctness": _truths,
}
