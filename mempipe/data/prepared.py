"""Decodes large data sets once into arrays on disk, which are memory-mapped; their fingerprint is stored beside them.

    $MEMPIPE_CACHE/images-KEY/train_images.npy   uint8 (n, height, width, channels)
                              train.npz          labels int64 (n,), filenames S (n,), checksum
                              test_images.npy, test.npz
                              manifest.json      fingerprint, classes, sizes, SHA-256 of the source

The key covers the listing of the source (names, sizes, versions), the parameters and the decoder. The folder appears
under its name only when it is complete; if two processes prepare the same data set, the first result is kept.
"""

import hashlib
import json
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import __version__ as pillow_version
from PIL import features
from pydantic import ValidationError

from mempipe import npz
from mempipe.data.dataset import Dataset
from mempipe.data.encoded import Decode, EncodedImage, GrowingImages, decoded
from mempipe.data.fetch import cache_folder
from mempipe.errors import DataError
from mempipe.spec import Strict

_FORMAT: Final = 1
_STALE_SECONDS: Final = 24 * 3600
_PARTIAL: Final = ".images-"
_PIXEL_MAX: Final = 255.0
_PARTS: Final = ("train", "test")


class Manifest(Strict):
    """What a prepared folder holds.

    Attributes:
        format: of the folder.
        fingerprint: of the data set, as `Dataset.fingerprint` computes it, from the arrays on disk.
        class_names: one a label.
        n_train, n_test: numbers of examples.
        image_shape: (height, width, channels).
        source_sha256: over each example's name and the SHA-256 of its encoded image, train then test.
        made_with: decoder and its version.
    """

    format: int
    fingerprint: str
    class_names: tuple[str, ...]
    n_train: int
    n_test: int
    image_shape: tuple[int, int, int]
    source_sha256: str
    made_with: str


@dataclass(frozen=True)
class Preparation:
    """How a large data set is made from its source.

    Attributes:
        name, source, license: of the data set.
        listing: digest of the source's listing.
        params: parameters that change the arrays.
        train, test: return the examples of a part, in the data set's order.
        decode: from an encoded image to pixels.
    """

    name: str
    source: str
    license: str | None
    listing: str
    params: Mapping[str, Any]
    train: Callable[[], Iterable[EncodedImage]]
    test: Callable[[], Iterable[EncodedImage]]
    decode: Decode

    @property
    def key(self) -> str:
        """Name of the prepared arrays (hex): the same source, parameters and decoder give the same."""
        parts = {"format": _FORMAT, "listing": self.listing, "params": dict(self.params), "made_with": _made_with()}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def prepared_dataset(preparation: Preparation) -> Dataset:
    """Return the data set, mapped from disk; decode it first if necessary.

    Raises:
        DataError: the source cannot be used, the prepared arrays are damaged, or the cache cannot be written.
    """
    folder = cache_folder() / f"images-{preparation.key}"
    if not folder.exists():
        try:
            _prepare(preparation, folder)
        except OSError as error:
            raise DataError(
                f"Data set cannot be prepared: {preparation.name} in {cache_folder()} ({error.strerror or error}), "
                "expected room for its decoded images.",
                hint="set MEMPIPE_CACHE to a folder on a larger disk.",
            ) from error
    return _open(preparation, folder)


def _prepare(preparation: Preparation, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder.parent)
    partial = folder.parent / f"{_PARTIAL}{preparation.key}-{uuid.uuid4().hex}"
    partial.mkdir()
    try:
        digest = hashlib.sha256()
        labels: dict[str, NDArray[np.int64]] = {}
        names: dict[str, NDArray[np.bytes_]] = {}
        classes: dict[str, dict[int, str]] = {}
        for part, examples in (("train", preparation.train), ("test", preparation.test)):
            path = partial / f"{part}_images.npy"
            labels[part], names[part], classes[part] = _write_images(path, examples(), preparation, digest)
        numbers = _numbers(classes, preparation)
        for part in _PARTS:
            numbered = np.searchsorted(np.array(numbers), labels[part]).astype(np.int64)
            (partial / f"{part}.npz").write_bytes(npz.encode_checked({"labels": numbered, "filenames": names[part]}))
        class_names = tuple(classes["train"][number] for number in numbers)
        # From the files and not from the buffers: what is recorded is what later readers map.
        dataset = _dataset(preparation, partial, class_names, fingerprint=None)
        manifest = Manifest(
            format=_FORMAT,
            fingerprint=dataset.fingerprint,
            class_names=class_names,
            n_train=dataset.n_train,
            n_test=dataset.n_test,
            image_shape=dataset.images.shape,
            source_sha256=digest.hexdigest(),
            made_with=_made_with(),
        )
        (partial / "manifest.json").write_text(manifest.model_dump_json(indent=1) + "\n")
        try:
            partial.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_images(
    path: Path, examples: Iterable[EncodedImage], preparation: Preparation, digest: Any
) -> tuple[NDArray[np.int64], NDArray[np.bytes_], dict[int, str]]:
    """Decode a part to a file; return its labels as the source numbers them, its file names, its classes."""
    labels: list[int] = []
    names: list[bytes] = []
    classes: dict[int, str] = {}
    with GrowingImages(path) as images:
        for example, pixels, content in decoded(examples, preparation.decode):
            if classes.setdefault(example.label, example.class_name) != example.class_name:
                raise DataError(
                    f"Data set cannot be used: {example.place} has label {example.label} and class "
                    f"{example.class_name!r}, expected {classes[example.label]!r} as examples before it.",
                    hint="the source contradicts itself; make it again.",
                )
            images.append(pixels, example.place)
            labels.append(example.label)
            names.append(example.filename.encode(errors="surrogateescape"))
            digest.update(names[-1] + b"\0" + content)
    if not labels:
        raise DataError(
            f"Data set cannot be used: {preparation.source} has no example for {path.stem}, expected at least one.",
            hint="correct data.classes, or the source.",
        )
    return np.array(labels, dtype=np.int64), np.array(names, dtype=np.bytes_), classes


def _numbers(classes: Mapping[str, Mapping[int, str]], preparation: Preparation) -> list[int]:
    """Return the source's numbers of the classes, in order; the test part may have no others."""
    train, test = classes["train"], classes["test"]
    strange = sorted(set(test.items()) - set(train.items()))
    if strange:
        raise DataError(
            f"Data set cannot be used: {preparation.source} test part has the class {strange[0][1]!r} "
            f"(label {strange[0][0]}), expected only classes of the training part.",
            hint="correct the source, or choose classes that both have by data.classes.",
        )
    if len(set(train.values())) != len(train):
        twice = [name for name in train.values() if list(train.values()).count(name) > 1]
        raise DataError(
            f"Data set cannot be used: {preparation.source} class {twice[0]!r} has several labels, expected one.",
            hint="the source contradicts itself; make it again.",
        )
    return sorted(train)


def _open(preparation: Preparation, folder: Path) -> Dataset:
    try:
        manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
        dataset = _dataset(preparation, folder, manifest.class_names, fingerprint=manifest.fingerprint)
        actual = (manifest.format, dataset.n_train, dataset.n_test, dataset.images.shape)
        if actual != (_FORMAT, manifest.n_train, manifest.n_test, manifest.image_shape):
            raise ValueError(
                f"it holds {actual[1]} and {actual[2]} images, expected {manifest.n_train}, {manifest.n_test}"
            )
    except (OSError, ValueError, ValidationError, KeyError, npz.UnreadableNpzError) as error:
        raise DataError(
            f"Prepared images cannot be used: {folder} is damaged ({error}).",
            hint="delete this folder of the cache; it is made again from the source.",
        ) from error
    return dataset


def _dataset(
    preparation: Preparation, folder: Path, class_names: tuple[str, ...], *, fingerprint: str | None
) -> Dataset:
    images = {part: np.load(folder / f"{part}_images.npy", mmap_mode="r", allow_pickle=False) for part in _PARTS}
    tables = {part: npz.decode_checked((folder / f"{part}.npz").read_bytes()) for part in _PARTS}
    names = {
        part: tuple(name.decode(errors="surrogateescape") for name in tables[part]["filenames"].tolist())
        for part in _PARTS
    }
    return Dataset(
        name=preparation.name,
        train_images=images["train"],
        train_labels=tables["train"]["labels"],
        test_images=images["test"],
        test_labels=tables["test"]["labels"],
        pixel_max=_PIXEL_MAX,
        class_names=class_names,
        train_filenames=names["train"],
        test_filenames=names["test"],
        source=preparation.source,
        license=preparation.license,
        recorded_fingerprint=fingerprint,
    )


def _made_with() -> str:
    return f"Pillow {pillow_version}, JPEG {features.version_codec('jpg')}"


def _sweep(cache: Path) -> None:
    """Remove the files of killed processes: those that have not changed for a day."""
    for partial in cache.glob(f"{_PARTIAL}*"):
        times = [path.stat().st_mtime for path in (partial, *partial.glob("*")) if path.exists()]
        if times and max(times) < time.time() - _STALE_SECONDS:
            shutil.rmtree(partial, ignore_errors=True)
