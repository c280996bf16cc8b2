"""`imagenet`: ImageNet and sets in its layouts, a folder of images or TFRecord files, decoded once onto disk.

    PATH/train/n01440764/n01440764_10026.JPEG    PATH/val/n01440764/ILSVRC2012_val_00000293.JPEG
    PATH/train-00000-of-01024                    PATH/validation-00000-of-00128

Order: of a folder, classes by name, then files by name, as code points; of TFRecord files, by number, then as in the
file. The two orders differ, so these are two data sets with two fingerprints. File names are kept for the release.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mempipe.data.dataset import Dataset
from mempipe.data.encoded import EncodedImage, returning
from mempipe.data.excerpt import Choice, Excerpt
from mempipe.data.fetch import DataPath
from mempipe.data.images import as_array, center, opened
from mempipe.data.prepared import Preparation, prepared_dataset
from mempipe.data.source_files import SourceFile, SourceFiles, list_files, listing_digest
from mempipe.data.tfrecord import Features, read_examples
from mempipe.errors import DataError
from mempipe.spec import Strict

_TEST_NAMES = ("val", "validation", "test")


class Params(Excerpt):
    """Keys of the `imagenet` data set.

    Attributes:
        path: path or URI of the folder.
        train: name of the training part.
        test: name of the test part; the first of `val`, `validation`, `test` that exists, unless given.
        size: side of the square images, cut from the center.
        shorter_side: to which an image is resized before that; 8/7 of `size` unless given (256 for 224).
        license: of the data, for the card.
    """

    path: DataPath
    train: str = "train"
    test: str | None = None
    size: int = Field(224, ge=1)
    shorter_side: int | None = Field(None, ge=1)
    license: str | None = "ImageNet's terms of access: non-commercial research and education"

    @model_validator(mode="after")
    def _large_enough(self) -> "Params":
        if self.resized < self.size:
            raise ValueError("shorter_side must be at least size")
        return self

    @property
    def resized(self) -> int:
        """Length of the shorter side before the center is cut."""
        return self.shorter_side or round(self.size * 8 / 7)


class _Shaping(Strict):
    """Parameters that change the arrays, beside the source's content."""

    layout: str
    size: int
    shorter_side: int
    classes: tuple[str, ...] | None
    limit: int | None


def load(params: Params) -> Dataset:
    """Return ImageNet, mapped from the cache; the first time it is decoded, which takes a while."""
    files = list_files(params.path, what="imagenet")
    train = _part(files, (params.train,))
    test = _part(files, _TEST_NAMES if params.test is None else (params.test,))
    if (train.layout, test.layout) == ("folder", "folder"):
        _check_classes(files.place, train, test, params)
    elif train.layout != test.layout:
        raise DataError(
            f"Data set cannot be used: {files.place} has {train.name} as {train.layout} and {test.name} as "
            f"{test.layout}, expected one layout.",
            hint="keep one of both layouts in this place.",
        )
    read = _folder if train.layout == "folder" else _records
    classes = None if params.classes is None else tuple(sorted(params.classes))
    shaping = _Shaping(
        layout=train.layout, size=params.size, shorter_side=params.resized, classes=classes, limit=params.limit
    )
    return prepared_dataset(
        Preparation(
            name="imagenet",
            source=params.path,
            license=params.license,
            listing=listing_digest((*train.files, *test.files)),
            params=shaping.model_dump(mode="json"),
            train=partial(read, files, train, params),
            test=partial(read, files, test, params),
            decode=partial(_pixels, params),
        )
    )


class _Part:
    """One part of the data set in one of the layouts.

    Attributes:
        name: of the part.
        layout: `folder` or `TFRecord`.
        files: in the order of the data set.
    """

    def __init__(self, name: str, layout: str, files: tuple[SourceFile, ...]) -> None:
        self.name = name
        self.layout = layout
        self.files = files

    def class_of(self, file: SourceFile) -> str:
        """Return the class folder of a file of the layout `folder`."""
        return file.name[len(self.name) + 1 :].split("/", 1)[0]


def _part(files: SourceFiles, names: tuple[str, ...]) -> _Part:
    """Find a part under the first of its possible names that exists."""
    for name in names:
        pattern = re.compile(rf"(?:{re.escape(name)}/)?{re.escape(name)}-(\d{{5}})-of-(\d{{5}})(?:\.tfrecords?)?")
        numbered = [(match, file) for file in files.files if (match := pattern.fullmatch(file.name))]
        if numbered:
            numbers, totals = [int(match[1]) for match, _ in numbered], {int(match[2]) for match, _ in numbered}
            if numbers != list(range(max(totals))) or len(totals) > 1:
                raise DataError(
                    f"Data set cannot be read: imagenet {files.place} has {len(numbered)} TFRecord files of {name}, "
                    f"expected {max(totals)}, numbered from 0.",
                    hint="copy the missing files, or remove what belongs to another set.",
                )
            return _Part(name, "TFRecord", tuple(file for _, file in numbered))
        images = [file for file in files.files if file.name.startswith(f"{name}/") and file.name.count("/") > 1]
        if images:
            part = _Part(name, "folder", tuple(images))
            return _Part(name, "folder", tuple(sorted(images, key=lambda file: (part.class_of(file), file.name))))
    raise DataError(
        f"Data set cannot be read: imagenet {files.place} has neither {names[0]}/CLASS/IMAGE files "
        f"nor {names[0]}-00000-of-N files.",
        hint="set data.train and data.test to the names of the parts; sort the validation images into class folders.",
    )


def _check_classes(place: str, train: _Part, test: _Part, params: Params) -> None:
    """Compare the classes of an image folder before anything is decoded."""
    names, test_names = ({part.class_of(file) for file in part.files} for part in (train, test))
    if names != test_names:
        raise DataError(
            f"Data set cannot be used: {place} classes of {train.name} and {test.name} differ in "
            f"{sorted(names ^ test_names)[:5]}, expected the same folders.",
            hint="add or remove class folders so that both parts have the same.",
        )
    params.of_names(sorted(names), what=place)


def _folder(files: SourceFiles, part: _Part, params: Params) -> Iterator[EncodedImage]:
    choice = Choice(params)
    labels = {name: label for label, name in enumerate(sorted({part.class_of(file) for file in part.files}))}
    for file in part.files:
        name = part.class_of(file)
        if choice.takes(name):
            filename = file.name.removeprefix(f"{part.name}/")
            yield EncodedImage(
                labels[name], name, filename, f"{files.place}/{file.name}", partial(files.read, file.name)
            )


def _records(files: SourceFiles, part: _Part, params: Params) -> Iterator[EncodedImage]:
    choice = Choice(params)
    for file in part.files:
        place = f"{files.place}/{file.name}"
        for number, features in read_examples(files.read(file.name), place=place):
            label = int(_one(features, "image/class/label", int, place, number))
            if label < 0:
                raise DataError(
                    f"Data set cannot be used: {place} record {number} has label {label}, expected none below 0.",
                    hint="the file is another data set's; make it again.",
                )
            name = _text(features, "image/class/synset") or _text(features, "image/class/text") or str(label)
            if choice.takes(name):
                filename = _text(features, "image/filename") or f"{file.name}#{number}"
                content: bytes = _one(features, "image/encoded", bytes, place, number)
                yield EncodedImage(label, name, filename, f"{place} record {number} ({filename})", returning(content))


def _one(features: Features, key: str, kind: type, place: str, number: int) -> Any:
    values = features.get(key, [])
    if len(values) != 1 or not isinstance(values[0], kind):
        raise DataError(
            f"Data set cannot be read: {place} record {number} has {len(values)} values of {key}, "
            f"expected one of type {kind.__name__}; its features are {sorted(features)}.",
            hint="the files must have the usual features image/encoded, image/class/label, image/filename.",
        )
    return values[0]


def _text(features: Features, key: str) -> str:
    values = features.get(key, [])
    return values[0].decode(errors="replace") if values and isinstance(values[0], bytes) else ""


def _pixels(params: Params, content: bytes, place: str) -> NDArray[np.uint8]:
    with opened(content, channels=3, place=place) as image:
        return as_array(center(image, size=params.size, shorter_side=params.resized))
