"""`image_folder`: any folder with a train and a test part, each with one folder of images for each class."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mempipe.data.dataset import Dataset
from mempipe.data.excerpt import Excerpt
from mempipe.data.fetch import DataPath, local_folder
from mempipe.data.images import Channels, as_array, opened, stretched
from mempipe.errors import DataError


class Params(Excerpt):
    """Keys of the `image_folder` data set.

    Attributes:
        path: path or URI of the folder.
        train, test: names of its two parts.
        size: (height, width) to which every image is resized (bilinear, aspect not kept); without it all images must
            have one size.
        channels: 3 for RGB, 1 for gray.
        license: of the data, for the card.
    """

    path: DataPath
    train: str = "train"
    test: str = "test"
    size: tuple[int, int] | None = None
    channels: Channels = Field(3)
    license: str | None = None


def load(params: Params) -> Dataset:
    """Read the folder. Order: classes by name, then files by name, both as code points: the same on every machine."""
    root = local_folder(params.path, what="image folder")
    class_names = _folders(root / params.train)
    test_names = _folders(root / params.test)
    if test_names != class_names:
        different = sorted(set(class_names) ^ set(test_names))
        raise DataError(
            f"Data set cannot be used: {root} classes of {params.train} and {params.test} differ in {different[:5]}, "
            "expected the same folders.",
            hint="add or remove class folders so that both parts have the same.",
        )
    class_names = list(params.of_names(class_names, what=str(root)))
    train_images, train_labels, train_files = _read_part(root / params.train, class_names, params)
    test_images, test_labels, test_files = _read_part(root / params.test, class_names, params)
    return Dataset(
        name=root.name,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        pixel_max=255.0,
        class_names=tuple(class_names),
        train_filenames=tuple(train_files),
        test_filenames=tuple(test_files),
        source=params.path,
        license=params.license,
    )


def _folders(part: Path) -> list[str]:
    if not part.is_dir():
        raise DataError(
            f"Data set cannot be read: image folder {part} is missing, expected one folder for each class.",
            hint="set data.train and data.test to the names of the two parts.",
        )
    names = sorted(entry.name for entry in part.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise DataError(
            f"Data set cannot be read: image folder {part} has no class folders.", hint="one folder for each class."
        )
    return names


def _read_part(part: Path, class_names: list[str], params: Params) -> tuple[NDArray[Any], NDArray[np.int64], list[str]]:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(class_names):
        files = sorted(p for p in (part / name).iterdir() if p.is_file() and not p.name.startswith("."))
        files = files[: params.limit]
        paths += files
        labels += [label] * len(files)
    if not paths:
        raise DataError(f"Data set cannot be used: {part} has no images.", hint="check the folder.")
    with ThreadPoolExecutor() as pool:
        images = list(pool.map(lambda path: _read_image(path, params), paths))
    for path, image in zip(paths, images, strict=True):
        if image.shape != images[0].shape:
            raise DataError(
                f"Data set cannot be used: {path} is {image.shape[:2]}, expected {images[0].shape[:2]} as {paths[0]}.",
                hint="set data.size to resize all images.",
            )
    return np.stack(images), np.asarray(labels, dtype=np.int64), [path.relative_to(part).as_posix() for path in paths]


def _read_image(path: Path, params: Params) -> NDArray[np.uint8]:
    with opened(path, channels=params.channels, place=str(path)) as image:
        return as_array(image if params.size is None else stretched(image, params.size))
