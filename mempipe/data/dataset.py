"""A data set, in memory or mapped from disk, and the fingerprint that binds every shard to its content and order."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import DataError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels in the data set's own order; an `_idx` anywhere in mempipe is a position in these arrays.

    Attributes:
        name: for messages and cards.
        train_images, test_images: uint8 or float32 (n, height, width, channels); `np.memmap` where they were prepared
            on disk (`mempipe.data.prepared`), so that a set can be larger than memory.
        train_labels, test_labels: int64 (n,), in [0, n_classes).
        pixel_max: the largest value that a pixel can have; `unit` normalization divides by it.
        class_names: one name a label.
        train_filenames, test_filenames: for image folders, relative names; else None.
        source: where it came from, for the card.
        license: of the data, for the card; None where unknown.
        recorded_fingerprint: the fingerprint of exactly these arrays, computed when they were written to disk; None:
            computed here, which reads all of them.
    """

    name: str
    train_images: NDArray[Any]
    train_labels: NDArray[np.int64]
    test_images: NDArray[Any]
    test_labels: NDArray[np.int64]
    pixel_max: float
    class_names: tuple[str, ...]
    train_filenames: tuple[str, ...] | None = None
    test_filenames: tuple[str, ...] | None = None
    source: str = ""
    license: str | None = None
    recorded_fingerprint: str | None = None

    def __post_init__(self) -> None:
        """Refuse a data set that no model can be trained on, before anything is spent."""
        for part, images, labels in (
            ("train", self.train_images, self.train_labels),
            ("test", self.test_images, self.test_labels),
        ):
            if images.ndim != 4 or images.dtype not in (np.uint8, np.float32):
                raise self._error(
                    f"{part} images are {images.dtype} {images.shape}",
                    "uint8 or float32 (n, height, width, channels)",
                    "convert them.",
                )
            if len(images) == 0:
                raise self._error(f"{part} part is empty", "at least one example", "check the source.")
            if images.dtype == np.float32 and not np.isfinite(images).all():
                raise self._error(f"{part} images are not all finite", "finite pixels", "clean the source.")
            if labels.shape != (len(images),):
                raise self._error(
                    f"{part} labels are {labels.shape} for {len(images)} images",
                    f"({len(images)},)",
                    "images and labels must correspond one to one.",
                )
            if labels.dtype != np.int64 or labels.min() < 0 or labels.max() >= self.n_classes:
                raise self._error(
                    f"{part} labels are {labels.dtype} from {labels.min()} to {labels.max()}",
                    f"int64 from 0 to {self.n_classes - 1}",
                    "number the classes from 0 without gaps.",
                )
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise self._error(
                f"test images are {self.test_images.shape[1:]}", f"{self.train_images.shape[1:]} as in train", "resize."
            )
        absent = np.setdiff1d(np.arange(self.n_classes), self.train_labels)
        if len(absent):
            raise self._error(
                f"class {absent[0]} ({self.class_names[absent[0]]!r}) has no training example",
                "at least one in each class",
                "number the classes without gaps, or remove the empty one.",
            )

    @property
    def n_train(self) -> int:
        """Number of training examples."""
        return len(self.train_labels)

    @property
    def n_test(self) -> int:
        """Number of test examples."""
        return len(self.test_labels)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        height, width, channels = self.train_images.shape[1:]
        return int(height), int(width), int(channels)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the images and labels, in order, with dtypes, shapes and the pixel scale."""
        if self.recorded_fingerprint is not None:
            return self.recorded_fingerprint
        digest = hashlib.sha256(f"mempipe-data-1|{self.pixel_max!r}|{self.n_classes}".encode())
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(f"|{array.dtype.str}|{array.shape}|".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _error(self, got: str, expected: str, hint: str) -> DataError:
        return DataError(f"Data set cannot be used: {self.name} {got}, expected {expected}.", hint=hint)
