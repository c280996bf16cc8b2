"""`tfds`: any image classification set of TensorFlow Datasets, where the package `tensorflow_datasets` is installed.

The package names the files, the splits and the features (and downloads and prepares a set on request); the
files are read without TensorFlow, in the order of their records: the order of
`tfds.ReadConfig(interleave_cycle_length=1)`. A set is decoded once onto disk (`mempipe.data.prepared`).
"""

import importlib
import json
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mempipe.data.dataset import Dataset
from mempipe.data.encoded import EncodedImage, returning
from mempipe.data.excerpt import Choice, Excerpt
from mempipe.data.fetch import DataPath
from mempipe.data.images import Channels, as_array, opened, stretched
from mempipe.data.prepared import Preparation, prepared_dataset
from mempipe.data.source_files import SourceFiles, list_files, listing_digest
from mempipe.data.tfrecord import read_examples
from mempipe.errors import DataError

Side = Annotated[int, Field(ge=1)]


class Params(Excerpt):
    """Keys of the `tfds` data set.

    Attributes:
        dataset: its name in TensorFlow Datasets, with configuration and version where needed (`cifar10:3.0.2`).
        data_dir: where prepared sets lie; path or `gs://` URI; the package's own default unless given.
        train, test: splits, such as `train[:80%]`.
        image, label: names of the features.
        size: (height, width) to which every image is resized (bilinear, aspect not kept); without it all images must
            have one size.
        download: download and prepare the set if it is not prepared yet.
        license: of the data, for the card.
    """

    dataset: str = Field(min_length=1)
    data_dir: DataPath | None = None
    train: str = "train"
    test: str = "test"
    image: str = "image"
    label: str = "label"
    size: tuple[Side, Side] | None = None
    download: bool = False
    license: str | None = None


def load(params: Params) -> Dataset:
    """Return the set, mapped from the cache; the first time it is decoded."""
    builder = _builder(params)
    names, channels = _features(builder, params)
    params.of_names(names, what=params.dataset)
    files = list_files(str(builder.data_dir), what=f"tfds {params.dataset}")
    shaping = params.model_dump(mode="json", exclude={"dataset", "data_dir", "download", "license"})
    return prepared_dataset(
        Preparation(
            name=params.dataset.split(":")[0].replace("/", "_"),
            source=f"TensorFlow Datasets {builder.info.full_name}",
            license=params.license,
            listing=listing_digest(files.files),
            params={"layout": "tfds", **shaping},
            train=partial(_examples, builder, files, params.train, names, params),
            test=partial(_examples, builder, files, params.test, names, params),
            decode=partial(_pixels, params, channels),
        )
    )


def _builder(params: Params) -> Any:
    """Return the set's builder, prepared, its files TFRecords."""
    try:
        tfds = importlib.import_module("tensorflow_datasets")
    except ModuleNotFoundError as error:
        raise DataError(
            f"Data set cannot be read: tfds {params.dataset} needs the module {error.name}, which is not installed.",
            hint="pip install 'mempipe[tfds]'.",
        ) from error
    try:
        builder = tfds.builder(params.dataset, data_dir=params.data_dir)
    except (ValueError, AssertionError, FileNotFoundError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(
            f"Data set cannot be read: tfds {params.dataset} is not known ({reason}).",
            hint="correct data.dataset: NAME, NAME/CONFIG or NAME:VERSION.",
        ) from error
    if params.download:
        builder.download_and_prepare()
    elif not builder.is_prepared():
        raise DataError(
            f"Data set cannot be read: tfds {builder.info.full_name} is not prepared at {builder.data_dir}.",
            hint="correct data.data_dir, or set data.download: true.",
        )
    file_format = getattr(builder.info.file_format, "value", builder.info.file_format)
    if file_format != "tfrecord":
        raise DataError(
            f"Data set cannot be read: tfds {builder.info.full_name} file format is {file_format}, expected tfrecord.",
            hint="prepare it as TFRecords: tfds build --file_format=tfrecord.",
        )
    return builder


def _features(builder: Any, params: Params) -> tuple[tuple[str, ...], Channels]:
    """Return the class names and the number of channels."""
    features = builder.info.features
    what = f"tfds {builder.info.full_name}"
    absent = [name for name in (params.image, params.label) if name not in features]
    if absent:
        raise DataError(
            f"Data set cannot be used: {what} has the features {sorted(features)}, expected {absent[0]} among them.",
            hint="set data.image and data.label to the names of its features.",
        )
    names = getattr(features[params.label], "names", None)
    if not names:
        raise DataError(
            f"Data set cannot be used: {what} {params.label} is {type(features[params.label]).__name__}, "
            "expected a ClassLabel.",
            hint="mempipe scores image classification sets.",
        )
    image = features[params.image]
    shape, dtype = tuple(image.shape), np.dtype(image.np_dtype)
    if len(shape) != 3 or shape[-1] not in (1, 3) or dtype != np.uint8:
        raise DataError(
            f"Data set cannot be used: {what} {params.image} is {dtype} {shape}, "
            "expected uint8 (height, width, 1 or 3).",
            hint="set data.image to the name of its image feature.",
        )
    return tuple(names), cast(Channels, shape[-1])


def _examples(
    builder: Any, files: SourceFiles, split: str, names: tuple[str, ...], params: Params
) -> Iterator[EncodedImage]:
    """Yield a split's examples in the order of its files, the part of each file that belongs to it."""
    choice = Choice(params)
    for part in _instructions(builder, split):
        file = str(part.filename).rsplit("/", 1)[-1]
        place = f"{files.place}/{file}"
        count = 0
        for number, features in read_examples(files.read(file), place=place):
            count += 1
            if not part.skip <= number < part.skip + part.take:
                continue
            labels, images = features.get(params.label, []), features.get(params.image, [])
            if len(labels) != 1 or not isinstance(labels[0], int) or not 0 <= labels[0] < len(names):
                raise DataError(
                    f"Data set cannot be used: {place} record {number} has label {labels}, "
                    f"expected one from 0 to {len(names) - 1}.",
                    hint="prepare the set again.",
                )
            if len(images) != 1 or not isinstance(images[0], bytes):
                raise DataError(
                    f"Data set cannot be used: {place} record {number} has no single encoded {params.image}.",
                    hint="set data.image to the name of its image feature.",
                )
            if choice.takes(names[labels[0]]):
                filename = f"{file}#{number}"
                yield EncodedImage(labels[0], names[labels[0]], filename, f"{place}#{number}", returning(images[0]))
        if count != part.examples_in_shard:
            raise DataError(
                f"Data set cannot be read: {place} has {count} records, expected {part.examples_in_shard}.",
                hint="the file is truncated; prepare the set again.",
            )


def _instructions(builder: Any, split: str) -> list[Any]:
    try:
        return list(builder.info.splits[split].file_instructions)
    except (KeyError, ValueError) as error:
        raise DataError(
            f"Data set cannot be used: tfds {builder.info.full_name} has no split {split!r}, "
            f"expected some of {json.dumps(sorted(builder.info.splits))}.",
            hint="set data.train and data.test; a set with one split can be cut: train[:80%] and train[80%:].",
        ) from error


def _pixels(params: Params, channels: Channels, content: bytes, place: str) -> NDArray[np.uint8]:
    with opened(content, channels=channels, place=place) as image:
        return as_array(image if params.size is None else stretched(image, params.size))
