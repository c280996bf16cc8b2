"""Checkpoints of long trials in the run's store: losing a machine costs minutes and changes no result."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, TypeVar

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
_Kind = TypeVar("_Kind")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a trial between two steps.

    Attributes:
        step: steps that were made.
        values: all variables of model (with its seed generators) and optimizer, in a fixed order.
    """

    step: int
    values: list[NDArray[Any]]


@dataclass(frozen=True, eq=False)
class FileCheckpoint:
    """The files in which a trainer of the user's own keeps the state of a trial.

    Attributes:
        number: counts the checkpoints of the trial.
        files: contents by name, a relative path.
    """

    number: int
    files: Mapping[str, bytes]


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
        values = {f"value_{position:04d}": value for position, value in enumerate(checkpoint.values)}
        self._save(trial, checkpoint.step, values, run_key)

    def save_files(self, trial: int, checkpoint: FileCheckpoint, *, run_key: str) -> None:
        """Commit a checkpoint of files and delete the trial's older ones that are no longer needed."""
        files = checkpoint.files
        arrays = {f"file_{position:04d}": np.frombuffer(files[name], np.uint8) for position, name in enumerate(files)}
        self._save(trial, checkpoint.number, {"names": np.asarray(list(files), np.str_), **arrays}, run_key)

    def _save(self, trial: int, step: int, arrays: dict[str, NDArray[Any]], run_key: str) -> None:
        key = checkpoint_key(trial, step)
        try:
            self._store.create(key, encode_checked(_heading(trial, step, run_key) | arrays))
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
        return self._latest(trial, run_key, lambda step, arrays: _decode(step, arrays, like))

    def latest_files(self, trial: int, *, run_key: str) -> FileCheckpoint | None:
        """Return a trial's newest whole checkpoint of files, or None; damaged ones are skipped with a warning."""
        return self._latest(trial, run_key, _decode_files)

    def _latest(
        self, trial: int, run_key: str, decode: Callable[[int, dict[str, NDArray[Any]]], _Kind]
    ) -> _Kind | None:
        for step, info in self._checkpoints(trial):
            uri = f"{self._store.uri}/{info.key}"
            try:
                return decode(step, _checked(self._store.read(info.key), trial, step, run_key))
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


def _heading(trial: int, step: int, run_key: str) -> dict[str, NDArray[Any]]:
    heading = {"format_version": _FORMAT_VERSION, "run_key": run_key, "trial": trial, "step": step}
    return {name: np.asarray(value) for name, value in heading.items()}


def _checked(content: bytes, trial: int, step: int, run_key: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a checkpoint without its heading, which must be this one."""
    arrays = decode_checked(content)
    for name, expected in _heading(trial, step, run_key).items():
        got = arrays.pop(name, None)
        if got is None or got.item() != expected.item():
            raise UnreadableNpzError(f"{name} is {got}, expected {expected}")
    return arrays


def _decode(step: int, arrays: dict[str, NDArray[Any]], like: list[NDArray[Any]]) -> Checkpoint:
    values = [arrays[name] for name in sorted(arrays)]
    if [(value.dtype, value.shape) for value in values] != [(value.dtype, value.shape) for value in like]:
        raise UnreadableNpzError(f"{len(values)} arrays do not fit the model's {len(like)} variables")
    return Checkpoint(step, values)


def _decode_files(number: int, arrays: dict[str, NDArray[Any]]) -> FileCheckpoint:
    if "names" not in arrays:
        raise UnreadableNpzError("it holds no names of files")
    names = arrays.pop("names").tolist()
    if len(names) != len(arrays) or any(".." in PurePosixPath(name).parts or name.startswith("/") for name in names):
        raise UnreadableNpzError(f"it holds {len(arrays)} files of the names {names}")
    contents = (arrays[f"file_{position:04d}"].tobytes() for position in range(len(names)))
    return FileCheckpoint(number, dict(zip(names, contents, strict=True)))
