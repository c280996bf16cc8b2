"""Checkpoints of long trials in the run's store: losing a machine costs minutes and changes no result."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import GenerationError, ObjectExistsError, ObjectNotFoundError, TransientError
from mempipe.npz import UnreadableNpzError, decode_checked, encode_checked
from mempipe.places import CHECKPOINTS, checkpoint_key, checkpoints_prefix, parse_checkpoint_key
from mempipe.storage import ObjectInfo, Store

N_CHECKPOINTS: Final = 2
"""Checkpoints that are kept for a trial: the newest, and one to fall back on if it is damaged."""

_FORMAT_VERSION: Final = 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a trial between two steps.

    Attributes:
        step: steps that were made.
        values: all variables of model (with its seed generators) and optimizer, in a fixed order.
    """

    step: int
    values: list[NDArray[Any]]


class Checkpoints:
    """The checkpoints of one run: `checkpoints/trial=…/step=….npz`, create-only, plain arrays with a checksum.

    A checkpoint is optional: one that is damaged, or cannot be written for a transient reason, is logged and training
    continues without it.

    Args:
        store: the run's own place.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, trial: int, checkpoint: Checkpoint, *, run_key: str) -> None:
        """Commit a checkpoint and delete the trial's older ones that are no longer needed."""
        key = checkpoint_key(trial, checkpoint.step)
        try:
            self._store.create(key, _encode(checkpoint, trial, run_key))
        except ObjectExistsError:
            # Another machine was as far as this one; either state leads to a valid result.
            _log.info("checkpoint %s/%s exists with other content and stays", self._store.uri, key)
        except TransientError as error:
            _log.warning("checkpoint %s/%s could not be written: %s", self._store.uri, key, error)
            return
        self._delete([info for _, info in self._checkpoints(trial)][N_CHECKPOINTS:])

    def latest(self, trial: int, like: list[NDArray[Any]], *, run_key: str) -> Checkpoint | None:
        """Return a trial's newest whole checkpoint, or None; damaged ones are skipped with a warning.

        Args:
            trial: the trial.
            like: arrays of the shapes and dtypes that the values must have.
            run_key: the run that it must belong to.
        """
        for step, info in self._checkpoints(trial):
            uri = f"{self._store.uri}/{info.key}"
            try:
                return _decode(self._store.read(info.key), trial, step, like, run_key)
            except ObjectNotFoundError:
                continue
            except (UnreadableNpzError, TransientError) as error:
                _log.warning("checkpoint %s is skipped: %s", uri, error)
        return None

    def clear(self, trials: Iterable[int]) -> None:
        """Delete the checkpoints of trials whose shard is committed."""
        numbers = set(trials)
        superfluous = [info for trial, _, info in self._parsed(CHECKPOINTS) if trial in numbers]
        self._delete(superfluous)

    def _checkpoints(self, trial: int) -> list[tuple[int, ObjectInfo]]:
        """Return (step, object) of a trial's checkpoints, newest first."""
        checkpoints = [(step, info) for _, step, info in self._parsed(checkpoints_prefix(trial))]
        return sorted(checkpoints, key=lambda item: item[0], reverse=True)

    def _parsed(self, prefix: str) -> Iterator[tuple[int, int, ObjectInfo]]:
        try:
            for info in self._store.list(prefix):
                parsed = parse_checkpoint_key(info.key)
                if parsed is not None:
                    yield *parsed, info
        except TransientError as error:
            _log.warning("checkpoints below %s cannot be listed: %s", self._store.uri, error)

    def _delete(self, superfluous: list[ObjectInfo]) -> None:
        for info in superfluous:
            try:
                self._store.delete(info.key, generation=info.generation)
            except (ObjectNotFoundError, GenerationError):
                continue
            except TransientError as error:
                _log.warning("checkpoint %s/%s could not be deleted: %s", self._store.uri, info.key, error)


def _encode(checkpoint: Checkpoint, trial: int, run_key: str) -> bytes:
    arrays: dict[str, NDArray[Any]] = {
        "format_version": np.asarray(_FORMAT_VERSION),
        "run_key": np.asarray(run_key),
        "trial": np.asarray(trial),
        "step": np.asarray(checkpoint.step),
        **{f"value_{position:04d}": value for position, value in enumerate(checkpoint.values)},
    }
    return encode_checked(arrays)


def _decode(content: bytes, trial: int, step: int, like: list[NDArray[Any]], run_key: str) -> Checkpoint:
    arrays = decode_checked(content)
    heading = {"format_version": _FORMAT_VERSION, "run_key": run_key, "trial": trial, "step": step}
    for name, expected in heading.items():
        got = arrays.pop(name, None)
        if got is None or got.item() != expected:
            raise UnreadableNpzError(f"{name} is {got}, expected {expected}")
    values = [arrays[name] for name in sorted(arrays)]
    if [(value.dtype, value.shape) for value in values] != [(value.dtype, value.shape) for value in like]:
        raise UnreadableNpzError(f"{len(values)} arrays do not fit the model's {len(like)} variables")
    return Checkpoint(step, values)
