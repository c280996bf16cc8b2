"""ImageNet's layouts, and how a large set is decoded once onto disk; on small images made by these tests."""

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mempipe.data import Dataset, load_dataset, prepared
from mempipe.data.tfrecord import Features
from mempipe.errors import DataError, SpecError
from mempipe.spec import Component
from mempipe.storage import open_store
from tests.data.records import records_of, write_records

RANDOM = np.random.default_rng(11)
CLASSES = ("n01440764", "n01443537", "n02084071")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEMPIPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "ilsvrc")


def load(path: Path | str, **params: object) -> Dataset:
    document = {"name": "imagenet", "path": str(path), "size": 8, "shorter_side": 8, **params}
    return load_dataset(Component.model_validate(document))


def write_folder(root: Path, *, classes: tuple[str, ...] = CLASSES) -> Path:
    """Images of 8 x 12 and of 14 x 8 pixels, lossless, whatever their names say."""
    for part, n_images in (("train", 4), ("val", 2)):
        for name in classes:
            place = root / part / name
            place.mkdir(parents=True)
            for index in range(n_images):
                shape = (8, 12, 3) if index % 2 else (14, 8, 3)
                pixels = RANDOM.integers(0, 256, shape, dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{name}_{index}.JPEG", format="PNG")
    return root


def write_tfrecords(root: Path, folder: Path) -> Path:
    train, test = records_of(folder / "train"), records_of(folder / "val")
    for number in range(3):
        write_records(root / f"train-0000{number}-of-00003", train[4 * number : 4 * number + 4])
    write_records(root / "validation-00000-of-00001", test)
    return root


def test_a_folder_has_a_stated_order_and_keeps_file_names(folder: Path) -> None:
    data = load(folder)
    assert (data.class_names, data.n_train, data.n_test, data.image_shape) == (CLASSES, 12, 6, (8, 8, 3))
    assert data.train_labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.train_filenames is not None
    assert data.train_filenames[5] == "n01443537/n01443537_1.JPEG"
    wide = np.asarray(Image.open(folder / "train" / data.train_filenames[5]))
    high = np.asarray(Image.open(folder / "train" / data.train_filenames[6]))
    assert np.array_equal(data.train_images[5], wide[:, 2:10])
    assert np.array_equal(data.train_images[6], high[3:11])


def test_every_source_gives_the_same_data_set(folder: Path, tmp_path: Path, gcs_bucket: str) -> None:
    """Folder, TFRecord files in the same order, a bucket: equal arrays, names and fingerprint."""
    store = open_store(f"gs://{gcs_bucket}")
    for path in sorted(folder.rglob("*.JPEG")):
        store.create(path.relative_to(tmp_path).as_posix(), path)
    sources = [folder, write_tfrecords(tmp_path / "records", folder), f"gs://{gcs_bucket}/ilsvrc"]
    loaded = [load(source) for source in sources]
    assert len({data.fingerprint for data in loaded}) == 1
    assert len({(data.train_filenames, data.test_filenames, data.class_names) for data in loaded}) == 1


def test_images_are_resized_and_cut(tmp_path: Path) -> None:
    """A gradient keeps its middle: 400 x 200 pixels become 56 x 28, of which the center 24 x 24 is kept."""
    for part in ("train", "val"):
        (tmp_path / "set" / part / "a").mkdir(parents=True)
        columns = np.broadcast_to(np.linspace(0, 255, 400)[None, :, None], (200, 400, 3))
        Image.fromarray(columns.round().astype(np.uint8)).save(tmp_path / "set" / part / "a" / "0.png")
        Image.new("CMYK", (30, 40), (255, 0, 0, 0)).save(tmp_path / "set" / part / "a" / "1.jpg")
    data = load(tmp_path / "set", size=24, shorter_side=28)
    assert data.image_shape == (24, 24, 3)
    middle = data.train_images[0, 12, :, 0].astype(float)
    assert np.allclose(middle, (np.arange(16, 40) + 0.5) / 56 * 255, atol=1.5)
    assert data.train_images[1].mean(axis=(0, 1)).round().tolist()[0] < 10  # cyan: no red


def test_it_is_decoded_once_and_mapped(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(folder)
    assert isinstance(first.train_images, np.memmap)
    assert not first.train_images.flags.writeable
    in_memory = replace(first, train_images=np.array(first.train_images), recorded_fingerprint=None)
    assert in_memory.fingerprint == first.fingerprint
    with monkeypatch.context() as patched:
        patched.setattr(prepared, "_prepare", None)
        assert load(folder).fingerprint == first.fingerprint
    load(folder, size=6)
    assert len(list(cache.iterdir())) == 2
    changed = folder / "train" / CLASSES[0] / f"{CLASSES[0]}_0.JPEG"
    Image.new("RGB", (8, 14)).save(changed, format="PNG")
    assert load(folder).fingerprint != first.fingerprint


def test_an_excerpt(folder: Path, tmp_path: Path) -> None:
    whole = load(folder)
    for source in (folder, write_tfrecords(tmp_path / "records", folder)):
        part = load(source, classes=[CLASSES[2], CLASSES[0]], limit=2)
        assert (part.class_names, part.n_test) == ((CLASSES[0], CLASSES[2]), 4)
        assert part.train_labels.tolist() == [0, 0, 1, 1]
        assert np.array_equal(part.train_images, whole.train_images[[0, 1, 8, 9]])
    with pytest.raises(DataError, match="has no class 'n9'"):
        load(folder, classes=["n9"])
    with pytest.raises(SpecError, match="shorter_side must be at least size"):
        load(folder, size=9)


def test_two_processes_may_prepare_at_once(folder: Path, cache: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        prints = {data.fingerprint for data in pool.map(load, [folder] * 4)}
    assert len(prints) == 1
    assert len(list(cache.iterdir())) == 1


def test_a_failure_leaves_nothing_behind(folder: Path, cache: Path) -> None:
    (folder / "val" / CLASSES[1] / "x.JPEG").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"val/n01443537/x\.JPEG is no readable image"):
        load(folder)
    assert list(cache.iterdir()) == []
    killed = cache / ".images-0123-abc"
    killed.mkdir()
    (folder / "val" / CLASSES[1] / "x.JPEG").unlink()
    os.utime(killed, (time.time() - 2 * 86400,) * 2)
    load(folder)
    assert not killed.exists()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize("name", ["train_images.npy", "test.npz", "manifest.json"])
@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_damaged_preparations_are_refused(name: str, damage: Callable[[Path], None], folder: Path, cache: Path) -> None:
    load(folder)
    (arrays,) = cache.iterdir()
    damage(arrays / name)
    with pytest.raises(DataError, match=r"Prepared images cannot be used: .* is damaged") as error:
        load(folder)
    assert "delete this folder" in error.value.hint


def test_unfit_folders_are_refused(folder: Path) -> None:
    (folder / "val" / CLASSES[2]).rename(folder / "val" / "n9")
    with pytest.raises(DataError, match=r"classes of train and val differ in \['n02084071', 'n9'\]"):
        load(folder)
    shutil.rmtree(folder / "val")
    with pytest.raises(DataError, match="has neither val/CLASS/IMAGE files nor val-00000-of-N files"):
        load(folder)
    with pytest.raises(DataError, match="nowhere is missing"):
        load(folder / "nowhere")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"image/class/label": [0]}, r"class 'n01440764' has several labels"),
        ({"image/class/label": [-1]}, r"record 0 has label -1, expected none below 0"),
        (
            {"image/class/label": [2], "image/class/synset": [b"n9"]},
            r"has label 2 and class 'n01443537', expected 'n9'",
        ),
        ({"image/class/label": [1, 2]}, r"record 0 has 2 values of image/class/label, expected one of type int"),
        ({"image/encoded": [b"no image"]}, r"record 0 \(n01440764/n01440764_0\.JPEG\) is no readable image"),
        ({"image/encoded": []}, r"has 0 values of image/encoded"),
    ],
)
def test_contradicting_records_are_refused(changes: Features, says: str, folder: Path, tmp_path: Path) -> None:
    root = write_tfrecords(tmp_path / "records", folder)
    examples = records_of(folder / "train")
    write_records(root / "train-00000-of-00003", [examples[0] | changes, *examples[1:4]])
    with pytest.raises(DataError, match=says):
        load(root)


def test_incomplete_tfrecords_are_refused(folder: Path, tmp_path: Path) -> None:
    root = write_tfrecords(tmp_path / "records", folder)
    strange = records_of(folder / "val")[0] | {"image/class/label": [9], "image/class/synset": [b"n9"]}
    write_records(root / "validation-00000-of-00001", [strange])
    with pytest.raises(DataError, match=r"test part has the class 'n9' \(label 9\)"):
        load(root)
    (root / "train-00001-of-00003").unlink()
    with pytest.raises(DataError, match="has 2 TFRecord files of train, expected 3"):
        load(root)
