"""A data set, in memory or mapped from disk, and the fingerprint that binds every shard to its content and order."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import DataError

MAX_ID: Final = 255
"""Characters of an id, at most: labels and ids are kept whole in memory."""


@dataclass(frozen=True)
class ImageParts:
    """The images of a data set that has some.

    Attributes:
        train, test: uint8 or float32 (n, height, width, channels), all of one shape.
        pixel_max: the largest value that a pixel can have.
    """

    train: NDArray[Any]
    test: NDArray[Any]
    pixel_max: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        height, width, channels = self.train.shape[1:]
        return int(height), int(width), int(channels)


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """Labeled examples in the data set's own order; an `_idx` anywhere in mempipe is a position in these arrays.

    Most data sets hold images. One without is for trainers that load their own features; it names each example by an
    id, and its features by a version.

    Attributes:
        name: for messages and cards.
        train_labels, test_labels: int64 (n,), in [0, n_classes).
        class_names: one name a label.
        train_images, test_images: uint8 or float32 (n, height, width, channels); `np.memmap` where they were prepared
            on disk (`mempipe.data.prepared`), so that a set can be larger than memory; None: no images.
        pixel_max: the largest value that a pixel can have; `unit` normalization divides by it.
        train_filenames, test_filenames: stable ids, for image folders relative names; else None.
        train_texts, test_texts: one text for each example, which the report shows; else None.
        feature_version: the declared version of features that only the trainer reads; with it ids are needed, unique
            in each part. None: the images are all that a model is trained on.
        source: where it came from, for the card.
        license: of the data, for the card; None where unknown.
        recorded_fingerprint: the fingerprint of exactly these arrays, computed when they were written to disk; None:
            computed here, which reads all of them.
    """

    name: str
    train_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    train_images: NDArray[Any] | None = None
    test_images: NDArray[Any] | None = None
    pixel_max: float = 255.0
    train_filenames: tuple[str, ...] | None = None
    test_filenames: tuple[str, ...] | None = None
    train_texts: tuple[str, ...] | None = None
    test_texts: tuple[str, ...] | None = None
    feature_version: str | None = None
    source: str = ""
    license: str | None = None
    recorded_fingerprint: str | None = None

    def __post_init__(self) -> None:
        """Refuse a data set that no model can be trained on, before anything is spent."""
        for kind in ("images", "filenames", "texts"):
            if (getattr(self, f"train_{kind}") is None) != (getattr(self, f"test_{kind}") is None):
                raise self._error(f"{kind} are given for one part", "both parts or none", f"give {kind} for both.")
        for part, labels, images, texts in (
            ("train", self.train_labels, self.train_images, self.train_texts),
            ("test", self.test_labels, self.test_images, self.test_texts),
        ):
            if images is not None:
                self._check_images(part, images, labels)
            self._check_labels(part, labels)
            if texts is not None and len(texts) != len(labels):
                raise self._error(f"{part} texts are {len(texts)} for {len(labels)} labels", f"{len(labels)}", "align.")
        if self.has_images and self.images.train.shape[1:] != self.images.test.shape[1:]:
            raise self._error(
                f"test images are {self.images.test.shape[1:]}", f"{self.images.train.shape[1:]} as in train", "resize."
            )
        absent = np.setdiff1d(np.arange(self.n_classes), self.train_labels)
        if len(absent):
            raise self._error(
                f"class {absent[0]} ({self.class_names[absent[0]]!r}) has no training example",
                "at least one in each class",
                "number the classes without gaps, or remove the empty one.",
            )
        if self.feature_version is not None:
            self._check_ids("train", self.train_filenames, self.n_train)
            self._check_ids("test", self.test_filenames, self.n_test)
        elif not self.has_images:
            raise self._error("has neither images nor a feature_version", "one of them", "set feature_version.")

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
    def has_images(self) -> bool:
        """Whether the examples have images."""
        return self.train_images is not None

    @property
    def images(self) -> ImageParts:
        """The images.

        Raises:
            DataError: there are none.
        """
        if self.train_images is None or self.test_images is None:
            raise self._error("has no images", "images", "train it by trainer.kind: own, which loads its own features.")
        return ImageParts(self.train_images, self.test_images, self.pixel_max)

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """(height, width, channels); None without images."""
        return self.images.shape if self.has_images else None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all that a model can be trained on, in order.

        Images and labels, with dtypes, shapes and the pixel scale; with a `feature_version` also this, the ids and the
        texts.
        """
        if self.recorded_fingerprint is not None:
            return self.recorded_fingerprint
        if self.feature_version is None:
            images = self.images
            digest = hashlib.sha256(f"mempipe-data-1|{self.pixel_max!r}|{self.n_classes}".encode())
            for array in (images.train, self.train_labels, images.test, self.test_labels):
                _add_array(digest, array)
            return digest.hexdigest()
        digest = hashlib.sha256(f"mempipe-data-2|{self.n_classes}".encode())
        _add_texts(digest, "version", (self.feature_version,))
        for part, labels, ids, texts, pixels in (
            ("train", self.train_labels, self.train_filenames, self.train_texts, self.train_images),
            ("test", self.test_labels, self.test_filenames, self.test_texts, self.test_images),
        ):
            _add_array(digest, labels)
            _add_texts(digest, f"{part} ids", ids or ())
            if texts is not None:
                _add_texts(digest, f"{part} texts", texts)
            if pixels is not None:
                digest.update(f"|{part} images|{self.pixel_max!r}".encode())
                _add_array(digest, pixels)
        return digest.hexdigest()

    def _check_images(self, part: str, images: NDArray[Any], labels: NDArray[np.int64]) -> None:
        if images.ndim != 4 or 0 in images.shape[1:] or images.dtype not in (np.uint8, np.float32):
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

    def _check_labels(self, part: str, labels: NDArray[np.int64]) -> None:
        if labels.ndim != 1 or labels.size == 0:
            raise self._error(f"{part} labels are {labels.shape}", "(n,) of at least one example", "check the source.")
        if labels.dtype != np.int64 or labels.min() < 0 or labels.max() >= self.n_classes:
            raise self._error(
                f"{part} labels are {labels.dtype} from {labels.min()} to {labels.max()}",
                f"int64 from 0 to {self.n_classes - 1}",
                "number the classes from 0 without gaps.",
            )

    def _check_ids(self, part: str, ids: tuple[str, ...] | None, n: int) -> None:
        if ids is None or len(ids) != n:
            raise self._error(f"{part} ids are {0 if ids is None else len(ids)} for {n} labels", f"{n}", "give ids.")
        first: dict[str, int] = {}
        for position, name in enumerate(ids):
            if not 0 < len(name) <= MAX_ID or not name.isprintable():
                raise self._error(
                    f"{part} id at position {position} is {name[:80]!r}",
                    f"1 to {MAX_ID} printable characters",
                    "give each example a short name that stays the same.",
                )
            if first.setdefault(name, position) != position:
                raise self._error(
                    f"{part} id {name!r} is at positions {first[name]} and {position}",
                    f"each id once in {part}",
                    "give each example an id of its own, or remove the repeated one.",
                )

    def _error(self, got: str, expected: str, hint: str) -> DataError:
        return DataError(f"Data set cannot be used: {self.name} {got}, expected {expected}.", hint=hint)


def _add_array(digest: "hashlib._Hash", array: NDArray[Any]) -> None:
    digest.update(f"|{array.dtype.str}|{array.shape}|".encode())
    digest.update(np.ascontiguousarray(array).data)


def _add_texts(digest: "hashlib._Hash", what: str, texts: tuple[str, ...]) -> None:
    """Add texts, each with its length, so that no two lists give the same bytes."""
    digest.update(f"|{what}|{len(texts)}|".encode())
    for text in texts:
        encoded = text.encode(errors="surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
