"""`mnist`: handwritten digits of 28 x 28 pixels, from Keras' npz or the original IDX files."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.data.arrays import as_images, as_labels, read_idx, read_npz
from mempipe.data.dataset import Dataset
from mempipe.data.fetch import DataPath, download, is_remote, local_file, local_folder
from mempipe.errors import DataError
from mempipe.spec import Strict

URL: Final = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
SHA256: Final = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
_KEYS: Final = ("x_train", "y_train", "x_test", "y_test")
_IDX_FILES: Final = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


class Params(Strict):
    """Keys of the `mnist` data set.

    Attributes:
        path: an npz in Keras' layout, or a folder with the four IDX files (plain or .gz); path or `gs://` URI.
            Without it the npz is downloaded once and checked.
    """

    path: DataPath | None = None


def load(params: Params) -> Dataset:
    """Read MNIST; both forms have the same order, and so the same fingerprint."""
    train_images, train_labels, test_images, test_labels = _arrays(params.path)
    for key, images in ((_KEYS[0], train_images), (_KEYS[2], test_images)):
        if images.dtype != np.uint8 or images.shape[1:] not in ((28, 28), (28, 28, 1)):
            raise DataError(
                f"Data set cannot be used: mnist {key} is {images.dtype} {images.shape}, expected uint8 (n, 28, 28).",
                hint="the file is another data set's, or was changed; `npz` takes any images.",
            )
    return Dataset(
        name="mnist",
        train_images=as_images(train_images, what="mnist", key=_KEYS[0]),
        train_labels=as_labels(train_labels, what="mnist", key=_KEYS[1]),
        test_images=as_images(test_images, what="mnist", key=_KEYS[2]),
        test_labels=as_labels(test_labels, what="mnist", key=_KEYS[3]),
        pixel_max=255.0,
        class_names=tuple("0123456789"),
        source="MNIST (LeCun, Cortes, Burges), original order",
        license="CC BY-SA 3.0",
    )


def _arrays(path: str | None) -> list[NDArray[Any]]:
    if path is None:
        return read_npz(download(URL, sha256=SHA256, what="mnist"), _KEYS, what="mnist")
    if path.endswith(".npz"):
        return read_npz(local_file(path, what="mnist"), _KEYS, what="mnist")
    folder = local_folder(path, what="mnist")
    return [read_idx(_idx_file(folder, name, path), what="mnist") for name in _IDX_FILES]


def _idx_file(folder: Path, name: str, path: str) -> Path:
    for candidate in (folder / name, folder / f"{name}.gz", folder / name.replace("-idx", ".idx")):
        if candidate.is_file():
            return candidate
    where = path if is_remote(path) else folder
    raise DataError(
        f"Data set cannot be read: mnist {where} has no {name}, expected it plain or as .gz.",
        hint="data.path must be mnist.npz or a folder with the four IDX files.",
    )
