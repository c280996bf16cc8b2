"""ImageNet's two layouts from images on disk to a release: file names, labels and scores stand beside each other."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import mempipe as package
from tests.command import mempipe, run_folder
from tests.data.records import records_of, write_records

CLASSES = ("n01440764", "n01443537", "n02084071")
N_TRAIN, N_TEST = 30, 23
"""Images of a class: 90 and 69 in all, so that neither part is a whole number of evaluated batches (of 64)."""
WRONG = "n02084071/n02084071_7.JPEG"
"""A training image that looks like the first class."""
N_TRIALS = 20

SPEC = """
name: small_imagenet
data: {{name: imagenet, path: {path}, size: 8, shorter_side: 8}}
model: {{name: mlp, hidden: [48]}}
recipe:
  epochs: 25
  batch_size: 16
  learning_rate: 0.05
  augmentation: {{flip: true}}
trainer: {{kind: single}}
seed: 3
trials: {trials}
chunk_size: 10
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each class has a color, under much noise; images of 8 x 11 pixels."""
    random = np.random.default_rng(19)
    root = tmp_path_factory.mktemp("ilsvrc")
    for part, n_images in (("train", N_TRAIN), ("val", N_TEST)):
        for label, name in enumerate(CLASSES):
            (root / part / name).mkdir(parents=True)
            for index in range(n_images):
                filename = f"{name}/{name}_{index}.JPEG"
                pixels = random.integers(0, 160, (8, 11, 3))
                pixels[..., 0 if (part, filename) == ("train", WRONG) else label] += 90
                Image.fromarray(pixels.astype(np.uint8)).save(root / part / filename, format="PNG")
    return root


def write_tfrecords(root: Path, folder: Path, *, shuffled: bool) -> Path:
    random = np.random.default_rng(4)
    for part, files in (("train", 3), ("val", 2)):
        records = records_of(folder / part)
        order = random.permutation(len(records)) if shuffled else np.arange(len(records))
        for number, chosen in enumerate(np.array_split(order, files)):
            name = f"{'validation' if part == 'val' else part}-{number:05d}-of-{files:05d}"
            write_records(root / name, [records[index] for index in chosen])
    return root


def spec(path: Path, data: Path) -> Path:
    path.write_text(SPEC.format(path=data, trials=N_TRIALS))
    return path


@dataclass(frozen=True)
class Finished:
    """A layout's source, store and release, and the file names in the data set's order."""

    data: Path
    store: Path
    release: Path
    names: dict[str, list[str]]


@pytest.fixture(scope="module", params=["folder", "TFRecord"])
def finished(request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A finished run; as in real conversions, the TFRecord files have an order of their own."""
    place = tmp_path_factory.mktemp("run")
    names = {
        part: sorted(path.relative_to(folder / part).as_posix() for path in (folder / part).rglob("*.JPEG"))
        for part in ("train", "val")
    }
    data = folder
    if request.param == "TFRecord":
        data = write_tfrecords(place / "records", folder, shuffled=True)
        random = np.random.default_rng(4)
        names = {part: [old[index] for index in random.permutation(len(old))] for part, old in names.items()}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMPIPE_CACHE", str(place / "cache"))
        done = mempipe("run", spec(place / "spec.yaml", data), "--store", place / "store", "--workers", "1")
    return Finished(data, place / "store", Path(done.stdout.splitlines()[-1]), names)


def index_of(release: Path) -> dict[str, NDArray[np.generic]]:
    with np.load(release / "small_imagenet_index.npz", allow_pickle=False) as index:
        return dict(index)


def test_the_index_names_each_example(finished: Finished) -> None:
    index = index_of(finished.release)
    for key, part in (("tr", "train"), ("tt", "val")):
        names = [name.decode() for name in index[f"{key}_filenames"].tolist()]
        assert index[f"{key}_filenames"].dtype.kind == "S"
        assert names == finished.names[part]
        assert index[f"{key}_labels"].tolist() == [CLASSES.index(name.partition("/")[0]) for name in names]
    release = package.load_release(finished.release)
    np.testing.assert_array_equal(index["tr_mem"], release.mem)
    assert release.examples["filename"].to_pylist() == finished.names["train"]
    assert release.classes["name"].to_pylist() == list(CLASSES)


def test_the_wrong_label_is_found_by_its_file_name(finished: Finished) -> None:
    index = index_of(finished.release)
    assert index["tr_filenames"][np.nanargmax(index["tr_mem"])] == WRONG.encode()
    assert np.nanmax(index["tr_mem"]) >= 0.9


def test_every_example_is_evaluated_as_itself(finished: Finished) -> None:
    """Colors are easy, so the models are right on each test image, those of the last and short batch included."""
    with np.load(next(run_folder(finished.store).glob("shards/*.npz")), allow_pickle=False) as shard:
        assert (int(shard["n_train"]), int(shard["n_test"])) == (90, 69)
    release = package.load_release(finished.release)
    n_correct = release.test_examples["n_correct"].to_numpy()
    assert len(n_correct) == 69
    assert n_correct.min() >= 0.9 * N_TRIALS
    seen = release.examples.to_pandas()
    assert (seen["correct_in"] >= 0.9 * seen["n_in"]).all()


def test_files_in_the_order_of_the_folder_continue_its_run(
    finished: Finished, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same images in the same order are the same data set, so nothing is left to train; in another not."""
    monkeypatch.setenv("MEMPIPE_CACHE", str(tmp_path / "cache"))
    same = write_tfrecords(tmp_path / "records", folder, shuffled=False)
    done = mempipe("plan", spec(tmp_path / "spec.yaml", same), "--store", finished.store)
    if finished.data == folder:
        assert done.stdout.strip() == str(run_folder(finished.store))
        assert "0 missing" in done.stderr
    else:
        assert f"{N_TRIALS} missing" in done.stderr
