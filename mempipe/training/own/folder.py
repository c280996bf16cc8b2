"""The folder of a task, with one folder for each open trial: its input, then its results as npy files.

The Python form and the command form use the same files. Nothing that a trainer wrote is trusted: only plain files are
read, without pickles, and no more bytes than the arrays can have.
"""

import errno
import io
import json
import os
import stat
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

TRIAL: Final = "trial.json"
SUBSET: Final = "subset_idx.npy"
CHECKPOINT: Final = "checkpoint"
TASK: Final = "task.json"
WORK: Final = "work"
"""Working folder of a Python trainer, where it may write what it likes."""

_TRAIN_LABELS: Final = "train_labels.npy"
_TEST_LABELS: Final = "test_labels.npy"
_HEADER_BYTES: Final = 2**16
_ITEM_BYTES: Final = 8


class MisfitError(Exception):
    """What a trainer wrote does not fit; the message says `<object> is <got>, expected <expected>`."""


@dataclass(eq=False)
class TaskFolder:
    """A temporary folder, deleted with this object.

    Args:
        document: what the trainer must know of the task, without its labels' paths.
        train_labels, test_labels: int64 (n,).
    """

    document: Mapping[str, Any]
    train_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    _inputs: dict[int, dict[str, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Write the files of the task."""
        self.path = Path(mkdtemp(prefix="mempipe-own-")).resolve()
        weakref.finalize(self, rmtree, self.path, ignore_errors=True)
        (self.path / WORK).mkdir()
        (self.path / TASK).write_text(json.dumps(self.document))
        np.save(self.path / _TRAIN_LABELS, self.train_labels)
        np.save(self.path / _TEST_LABELS, self.test_labels)

    def trial(self, trial: int) -> Path:
        """Return the folder of a trial."""
        return self.path / f"trial-{trial:06d}"

    def open(self, trial: int, *, seed: int, subset: NDArray[np.int64], files: Mapping[str, bytes]) -> Path:
        """Write the input of a trial.

        Args:
            trial: its number.
            seed: its seed.
            subset: int64 (m,); positions of its training examples.
            files: of its checkpoint, by name; empty: it begins anew.

        Returns:
            Its folder.
        """
        folder = self.trial(trial)
        (folder / CHECKPOINT).mkdir(parents=True)
        for name, content in files.items():
            path = folder / CHECKPOINT / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        paths = {
            "subset": str(folder / SUBSET),
            "train_labels": str(self.path / _TRAIN_LABELS),
            "test_labels": str(self.path / _TEST_LABELS),
            "checkpoint": str(folder / CHECKPOINT),
        }
        np.save(folder / SUBSET, subset)
        document = {"trial": trial, "seed": seed, **self.document, "paths": paths}
        (folder / TRIAL).write_text(json.dumps(document, indent=1) + "\n")
        self._inputs[trial] = {name: (folder / name).read_bytes() for name in (TRIAL, SUBSET)}
        return folder

    def read(self, trial: int, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[Any]]:
        """Return the arrays that a trainer wrote for a trial, and delete the trial's folder.

        Args:
            trial: an open trial.
            shapes: the largest shape of each array, by name.

        Raises:
            MisfitError: an array is missing or no plain npy file, the input was changed, or a file lies in the task's
                folder.
        """
        folder = self.trial(trial)
        for name, content in self._inputs[trial].items():
            if _read(folder / name, len(content)) != content:
                raise MisfitError(f"{name} was changed, expected it as mempipe wrote it")
        arrays = {name: _array(folder / f"{name}.npy", shape) for name, shape in shapes.items()}
        self.discard(trial)
        return arrays

    def discard(self, trial: int) -> None:
        """Delete the folder of a trial.

        Raises:
            MisfitError: a file lies in the task's folder.
        """
        del self._inputs[trial]
        rmtree(self.trial(trial))
        own = {TASK, WORK, _TRAIN_LABELS, _TEST_LABELS, *(self.trial(trial).name for trial in self._inputs)}
        if stray := sorted({path.name for path in self.path.iterdir()} - own):
            raise MisfitError(f"{stray[0]} lies beside the trial's folder, expected results inside of it")

    def checkpoint_files(self, trial: int, *, hidden: bool) -> dict[str, bytes] | None:
        """Return the files of a trial's checkpoint by name, or None if they changed while they were read.

        Links are left out, and names that begin with a dot unless they are `hidden` files to keep.
        """
        folder = self.trial(trial) / CHECKPOINT
        before = _listing(folder, hidden=hidden)
        try:
            files = {name: (folder / name).read_bytes() for name in before}
        except OSError:
            return None
        return files if before and _listing(folder, hidden=hidden) == before else None


def write_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the results of a trial into its folder."""
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _listing(folder: Path, *, hidden: bool) -> dict[str, tuple[int, int, int]]:
    """Return (inode, size, time) of each plain file below a folder, by its name there."""
    listing = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if hidden or not name.startswith(".")]
        for name in names:
            path = Path(parent) / name
            try:
                info = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(info.st_mode) and (hidden or not name.startswith(".")):
                listing[path.relative_to(folder).as_posix()] = (info.st_ino, info.st_size, info.st_mtime_ns)
    return listing


def _array(path: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    most = _HEADER_BYTES + 2 * _ITEM_BYTES * int(np.prod(shape))
    content = _read(path, most)
    if content is None:
        raise MisfitError(f"{path.name} is larger than {most} bytes, expected an array {shape}")
    try:
        array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, MemoryError, OverflowError, SyntaxError, TypeError) as error:
        raise MisfitError(f"{path.name} is no npy file of plain numbers ({error}), expected an array {shape}") from None
    return array


def _read(path: Path, most: int) -> bytes | None:
    """Return the bytes of a plain file, or None if it has more than `most`; a link is not followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        got = {errno.ENOENT: "missing", errno.ELOOP: "a symbolic link"}.get(error.errno or 0, str(error.strerror))
        raise MisfitError(f"{path.name} is {got}, expected a file that the trainer wrote") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise MisfitError(f"{path.name} is no plain file, expected one")
        content = file.read(most + 1)
    return None if len(content) > most else content
