"""`labels`: any modality. Labels and stable ids; the trainer loads its own features (`trainer.kind: own`).

    train.csv:  id,label,text              train.npz:  id, label, image
                a17,spam,"Dear friend, …"

The order of the rows is the data set's order: position i of a subset is row i of the training file. Ids are needed,
because a row number says nothing any more once a table is sorted or filtered.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mempipe.data.columns import as_texts, read_columns, read_images
from mempipe.data.dataset import Dataset
from mempipe.data.fetch import DataPath, local_file
from mempipe.errors import DataError
from mempipe.spec import Strict

_NUMBER: Final = re.compile(r"0|-?[1-9]\d{0,8}")


class Params(Strict):
    """Keys of the `labels` data set.

    Attributes:
        train, test: paths or URIs of the two tables: `.csv`, `.parquet` or `.npz`.
        label: column of the labels: numbers from 0 without gaps, or names.
        id: column of the ids: text or integers, each once in its part.
        text: column of texts that the report shows; None: none.
        image: array of uint8 images that the report shows, (n, height, width[, channels]), npz only; None: none.
        class_names: of labels that are numbers; of labels that are names, their order. Unless given, the numbers
            themselves, or the names sorted as code points.
        version: of the features that the trainer loads; part of the fingerprint. Change it whenever they change.
        license: of the data, for the card.
    """

    train: DataPath
    test: DataPath
    label: str = "label"
    id: str = "id"
    text: str | None = None
    image: str | None = None
    class_names: tuple[str, ...] | None = Field(None, min_length=1)
    version: str = Field("1", min_length=1, max_length=200)
    license: str | None = None


class _Part:
    """One of the two tables."""

    def __init__(self, part: str, uri: str, params: Params) -> None:
        what = "labels"
        path = local_file(uri, what=what, key=f"data.{part}")
        names = tuple(dict.fromkeys(name for name in (params.label, params.id, params.text) if name is not None))
        columns = read_columns(path, names, what=what)
        texts = {name: as_texts(column, place=f"{what} {path} {name}") for name, column in columns.items()}
        self.place = f"{path} {params.label}"
        self.labels = texts[params.label]
        self.ids = tuple(texts[params.id])
        self.texts = None if params.text is None else tuple(texts[params.text])
        self.images = None if params.image is None else read_images(path, params.image, what=what)


def load(params: Params) -> Dataset:
    """Read both tables, in the order of their rows."""
    train, test = _Part("train", params.train, params), _Part("test", params.test, params)
    class_names, by_number = _classes(train, params.class_names)
    numbers = {str(number) if by_number else name: number for number, name in enumerate(class_names)}
    return Dataset(
        name=PurePosixPath(params.train).parent.name or "labels",
        train_labels=_numbered(train, numbers),
        test_labels=_numbered(test, numbers),
        class_names=class_names,
        train_images=train.images,
        test_images=test.images,
        train_filenames=train.ids,
        test_filenames=test.ids,
        train_texts=train.texts,
        test_texts=test.texts,
        feature_version=params.version,
        source=f"{params.train}, {params.test}",
        license=params.license,
    )


def _classes(train: _Part, given: tuple[str, ...] | None) -> tuple[tuple[str, ...], bool]:
    """Return the class names, and whether the labels are their numbers."""
    if given is not None and len(set(given)) != len(given):
        raise DataError(
            f"Data set cannot be used: data.class_names has {len(given)} names, of which {len(set(given))} differ, "
            "expected different ones.",
            hint="name each class once.",
        )
    values = set(train.labels)
    if "" in values:
        raise _unfit(train, train.labels.index(""), "is empty", "a label", "fill it, or remove the example.")
    if given is not None and values <= set(given):
        return given, False
    if not all(_NUMBER.fullmatch(value) for value in values):
        if given is None:
            return tuple(sorted(values)), False
        position = next(i for i, value in enumerate(train.labels) if value not in given)
        raise _unfit(
            train,
            position,
            f"is {train.labels[position]!r}",
            f"one of data.class_names ({_some(given)})",
            "correct the label, or data.class_names.",
        )
    n_classes = len(given) if given is not None else len(values)
    absent = next((number for number in range(n_classes) if str(number) not in values), None)
    strange = next((i for i, value in enumerate(train.labels) if not 0 <= int(value) < n_classes), None)
    if strange is not None:
        raise _unfit(
            train,
            strange,
            f"is {train.labels[strange]}",
            f"a number from 0 to {n_classes - 1}: there are {n_classes} classes",
            "number the classes from 0 without gaps, or write names instead of numbers.",
        )
    if absent is not None:
        raise DataError(
            f"Data set cannot be used: {train.place} has no {absent}, expected a training example of each of the "
            f"{n_classes} classes.",
            hint="remove the class from data.class_names, or add examples of it.",
        )
    return given or tuple(str(number) for number in range(n_classes)), True


def _numbered(part: _Part, numbers: dict[str, int]) -> NDArray[np.int64]:
    strange = next((i for i, value in enumerate(part.labels) if value not in numbers), None)
    if strange is not None:
        raise _unfit(
            part,
            strange,
            f"is {part.labels[strange]!r}",
            f"a class of the training part ({_some(list(numbers))})",
            "correct the label, or remove the example: no model can predict a class that it never saw.",
        )
    return np.array([numbers[value] for value in part.labels], dtype=np.int64)


def _unfit(part: _Part, position: int, got: str, expected: str, hint: str) -> DataError:
    return DataError(
        f"Data set cannot be used: {part.place} at position {position} (id {part.ids[position]!r}) {got}, "
        f"expected {expected}.",
        hint=hint,
    )


def _some(names: Sequence[str]) -> str:
    return f"{', '.join(names[:8])}{', …' if len(names) > 8 else ''}"
