"""TensorFlow Datasets: the adapter on a stub of its documented interface, and on the package where it is installed."""

import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mempipe.data import Dataset, load_dataset
from mempipe.errors import DataError
from mempipe.spec import Component
from tests.data.records import write_records

RANDOM = np.random.default_rng(2)
IMAGES = RANDOM.integers(0, 256, (10, 6, 4, 3), dtype=np.uint8)
LABELS = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMPIPE_CACHE", str(tmp_path / "cache"))


def load(**params: object) -> Dataset:
    return load_dataset(Component.model_validate({"name": "tfds", **params}))


@dataclass
class Instruction:
    """`tfds.core.utils.shard_utils.FileInstruction`."""

    filename: str
    skip: int
    take: int
    examples_in_shard: int


@dataclass
class StubBuilder:
    """What the adapter uses of `tfds.core.DatasetBuilder` and `tfds.core.DatasetInfo`."""

    data_dir: Path
    info: Any
    prepared: bool = True

    def is_prepared(self) -> bool:
        return self.prepared


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubBuilder:
    """Two training files of four examples, of which a split takes a part, and one test file of two."""
    root = tmp_path / "pets" / "1.0.0"
    instructions = []
    for name, begin, end in (("train", 0, 4), ("train", 4, 8), ("test", 8, 10)):
        path = root / f"pets-{name}.tfrecord-{begin:05}"
        write_records(path, [{"image": [png(i, tmp_path)], "label": [LABELS[i]]} for i in range(begin, end)])
        instructions.append(Instruction(str(path), 0, end - begin, end - begin))
    features = {
        "image": SimpleNamespace(shape=(None, None, 3), np_dtype=np.uint8),
        "label": SimpleNamespace(names=["cat", "dog", "emu"]),
    }
    part = [Instruction(instructions[0].filename, 1, 3, 4), instructions[1]]
    info = SimpleNamespace(
        full_name="pets/1.0.0",
        file_format=SimpleNamespace(value="tfrecord"),
        features=features,
        splits={
            "train": SimpleNamespace(file_instructions=instructions[:2]),
            "train[1:]": SimpleNamespace(file_instructions=part),
            "test": SimpleNamespace(file_instructions=instructions[2:]),
        },
    )
    stub = StubBuilder(root, info)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", SimpleNamespace(builder=lambda name, data_dir: stub))
    return stub


def png(index: int, folder: Path) -> bytes:
    Image.fromarray(IMAGES[index]).save(folder / "image.png")
    return (folder / "image.png").read_bytes()


def test_the_files_are_read_in_order(builder: StubBuilder) -> None:
    data = load(dataset="pets:1.0.0")
    assert (data.name, data.class_names, data.source) == (
        "pets",
        ("cat", "dog", "emu"),
        "TensorFlow Datasets pets/1.0.0",
    )
    assert np.array_equal(data.train_images, IMAGES[:8])
    assert data.train_labels.tolist() == LABELS[:8]
    assert np.array_equal(data.test_images, IMAGES[8:])
    part = load(dataset="pets", train="train[1:]", size=[3, 4], classes=["dog", "emu"], test="train")
    assert part.train_labels.tolist() == [0, 1, 0, 1, 0]
    assert part.image_shape == (3, 4, 3)
    assert part.train_filenames is not None
    assert part.train_filenames[0] == "pets-train.tfrecord-00000#1"


def test_unfit_sets_are_refused(builder: StubBuilder) -> None:
    def refused(says: str, **params: object) -> None:
        with pytest.raises(DataError, match=says):
            load(dataset="pets", **params)

    refused(r"features \['image', 'label'\], expected picture", image="picture")
    refused("image is SimpleNamespace, expected a ClassLabel", label="image")
    refused(r"has no split 'val', expected some of \[\"test\"", test="val")
    refused("has no class 'cow'", classes=["cow"])
    builder.info.splits["test"].file_instructions[0].examples_in_shard = 3
    refused("has 2 records, expected 3")
    builder.info.file_format = "array_record"
    refused("file format is array_record, expected tfrecord")
    builder.prepared = False
    refused(r"pets/1\.0\.0 is not prepared at ")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(DataError, match="needs the module tensorflow_datasets, which is not installed") as error:
        load(dataset="mnist")
    assert error.value.hint == "pip install 'mempipe[tfds]'."


@pytest.mark.filterwarnings("ignore")
def test_a_set_that_the_package_made(tmp_path: Path) -> None:
    """The arrays are those of `tfds.as_numpy`, example by example, also of a split of splits."""
    tfds = pytest.importorskip("tensorflow_datasets")

    class MempipePets(tfds.core.GeneratorBasedBuilder):  # type: ignore[misc, name-defined]
        VERSION = tfds.core.Version("1.0.0")

        def _info(self) -> Any:
            features = {
                "image": tfds.features.Image(shape=(6, 4, 3)),
                "label": tfds.features.ClassLabel(names=["cat", "dog", "emu"]),
            }
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
            return {"train": self._generate_examples(0, 7), "test": self._generate_examples(7, 10)}

        def _generate_examples(self, begin: int, end: int) -> Any:
            for index in range(begin, end):
                yield index, {"image": IMAGES[index], "label": LABELS[index]}

    builder = MempipePets(data_dir=str(tmp_path))
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=2))
    config = tfds.ReadConfig(interleave_cycle_length=1)
    for train, test in (("train", "test"), ("train[:4]", "train[4:]")):
        data = load(dataset="mempipe_pets", data_dir=str(tmp_path), train=train, test=test)
        for split, images, labels in (
            (train, data.train_images, data.train_labels),
            (test, data.test_images, data.test_labels),
        ):
            theirs = list(tfds.as_numpy(builder.as_dataset(split=split, shuffle_files=False, read_config=config)))
            assert np.array_equal(images, [example["image"] for example in theirs])
            assert labels.tolist() == [int(example["label"]) for example in theirs]
