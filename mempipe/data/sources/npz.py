"""`npz`: any npz of images and labels, in Keras' layout unless the keys say otherwise."""

import numpy as np

from mempipe.data.arrays import as_images, as_labels, read_npz
from mempipe.data.dataset import Dataset
from mempipe.data.fetch import DataPath, local_file
from mempipe.spec import Strict


class Params(Strict):
    """Keys of the `npz` data set.

    Attributes:
        path: path or URI of the npz.
        train_images, train_labels, test_images, test_labels: names of its arrays.
        pixel_max: largest pixel value; 255 for uint8 and 1 for others unless given.
        class_names: one a label; the numbers themselves unless given.
        license: of the data, for the card.
    """

    path: DataPath
    train_images: str = "x_train"
    train_labels: str = "y_train"
    test_images: str = "x_test"
    test_labels: str = "y_test"
    pixel_max: float | None = None
    class_names: tuple[str, ...] | None = None
    license: str | None = None


def load(params: Params) -> Dataset:
    """Read the npz."""
    what = "npz"
    keys = (params.train_images, params.train_labels, params.test_images, params.test_labels)
    arrays = read_npz(local_file(params.path, what=what), keys, what=what)
    train_images = as_images(arrays[0], what=params.path, key=keys[0])
    train_labels = as_labels(arrays[1], what=params.path, key=keys[1])
    default_max = 255.0 if train_images.dtype == np.uint8 else 1.0
    n_classes = int(train_labels.max()) + 1 if len(train_labels) else 0
    return Dataset(
        name=params.path.rstrip("/").rsplit("/", 1)[-1],
        train_images=train_images,
        train_labels=train_labels,
        test_images=as_images(arrays[2], what=params.path, key=keys[2]),
        test_labels=as_labels(arrays[3], what=params.path, key=keys[3]),
        pixel_max=params.pixel_max or default_max,
        class_names=params.class_names or tuple(str(label) for label in range(n_classes)),
        source=params.path,
        license=params.license,
    )
