"""Data sets: the same content and order give the same fingerprint, and unfit data is refused with a reason."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mempipe.data import Dataset, load_dataset
from mempipe.errors import DataError, SpecError
from mempipe.spec import Component

RANDOM = np.random.default_rng(3)
IMAGES = RANDOM.integers(0, 256, (30, 28, 28), dtype=np.uint8)
LABELS = (np.arange(30) % 10).astype(np.uint8)


def load(name: str, **params: object) -> Dataset:
    return load_dataset(Component.model_validate({"name": name, **params}))


def write_npz(path: Path, **changes: np.ndarray) -> str:
    arrays = {"x_train": IMAGES[:20], "y_train": LABELS[:20], "x_test": IMAGES[20:], "y_test": LABELS[20:]}
    np.savez(path, **(arrays | changes))
    return str(path)


def write_idx(folder: Path, *, compress: bool) -> str:
    parts = {
        "train-images-idx3-ubyte": IMAGES[:20],
        "train-labels-idx1-ubyte": LABELS[:20],
        "t10k-images-idx3-ubyte": IMAGES[20:],
        "t10k-labels-idx1-ubyte": LABELS[20:],
    }
    folder.mkdir()
    for name, array in parts.items():
        header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
        content = header + array.tobytes()
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return str(folder)


def write_images(root: Path, *, classes: tuple[str, ...] = ("cat", "dog")) -> str:
    for part in ("train", "test"):
        for name in classes:
            folder = root / part / name
            folder.mkdir(parents=True)
            for index in range(3):
                pixels = RANDOM.integers(0, 256, (6, 4, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    return str(root)


def test_digits() -> None:
    digits = load("digits")
    assert (digits.n_train, digits.n_test, digits.image_shape) == (1437, 360, (8, 8, 1))
    assert digits.fingerprint == "a1ce705089ea1c882e73a3de70a1ceb5dbe620b42e2efe7ade711fb817120610"
    from sklearn.datasets import load_digits

    theirs = load_digits()
    assert np.array_equal(np.concatenate([digits.train_images, digits.test_images])[..., 0], theirs.images)
    assert np.array_equal(np.concatenate([digits.train_labels, digits.test_labels]), theirs.target)


def test_mnist_is_one_data_set_in_all_its_forms(tmp_path: Path) -> None:
    forms = [
        load("mnist", path=write_npz(tmp_path / "mnist.npz")),
        load("mnist", path=write_idx(tmp_path / "idx", compress=False)),
        load("mnist", path=write_idx(tmp_path / "gz", compress=True)),
    ]
    assert len({form.fingerprint for form in forms}) == 1
    assert forms[0].train_images.shape == (20, 28, 28, 1)


def test_npz_with_its_own_keys(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, a=IMAGES[:20] / 255.0, b=LABELS[:20, None], c=IMAGES[20:] / 255.0, d=LABELS[20:])
    data = load("npz", path=str(path), train_images="a", train_labels="b", test_images="c", test_labels="d")
    assert data.train_images.dtype == np.float32
    assert data.pixel_max == 1.0
    assert data.n_classes == 10


def test_image_folder_has_a_stated_order(tmp_path: Path) -> None:
    data = load("image_folder", path=write_images(tmp_path / "pets"))
    assert data.class_names == ("cat", "dog")
    assert data.train_filenames == ("cat/0.png", "cat/1.png", "cat/2.png", "dog/0.png", "dog/1.png", "dog/2.png")
    assert data.train_images.shape == (6, 6, 4, 3)
    pixels = np.asarray(Image.open(tmp_path / "pets" / "train" / "dog" / "0.png"))
    assert np.array_equal(data.train_images[3], pixels)
    small = load("image_folder", path=str(tmp_path / "pets"), size=[3, 5], channels=1)
    assert small.image_shape == (3, 5, 1)
    part = load("image_folder", path=str(tmp_path / "pets"), classes=["dog"], limit=2)
    assert (part.class_names, part.train_filenames) == (("dog",), ("dog/0.png", "dog/1.png"))


def test_the_fingerprint_binds_content_and_order(tmp_path: Path) -> None:
    base = load("npz", path=write_npz(tmp_path / "a.npz"))
    swapped = np.r_[1, 0, 2:20]
    others = [
        write_npz(tmp_path / "b.npz", x_train=IMAGES[:20][swapped], y_train=LABELS[:20][swapped]),
        write_npz(tmp_path / "c.npz", y_test=np.roll(LABELS[20:], 1)),
        write_npz(tmp_path / "d.npz", x_test=IMAGES[20:] ^ 1),
    ]
    prints = {base.fingerprint, *(load("npz", path=path).fingerprint for path in others)}
    assert len(prints) == 4
    assert load("npz", path=write_npz(tmp_path / "e.npz")).fingerprint == base.fingerprint


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"y_train": LABELS[:19]}, "train labels are (19,) for 20 images"),
        ({"y_train": LABELS[:20] % 5 * 2, "y_test": LABELS[20:] % 5 * 2}, "has no training example"),
        ({"y_test": LABELS[20:] + 5}, "test labels are int64 from 5 to 14"),
        ({"y_train": LABELS[:20].astype(np.float32)}, "expected integers"),
        ({"x_train": IMAGES[:20, 0]}, "expected numbers (n, height, width)"),
        ({"x_test": IMAGES[20:, :, :20]}, "test images are (28, 20, 1)"),
        ({"x_train": np.full((20, 28, 28), np.nan)}, "not all finite"),
        ({"x_test": IMAGES[:0], "y_test": LABELS[:0]}, "test part is empty"),
        ({"y_train": np.array([object()] * 20)}, "holds pickled objects"),
    ],
)
def test_unfit_arrays_are_refused(tmp_path: Path, changes: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(DataError) as error:
        load("npz", path=write_npz(tmp_path / "x.npz", **changes))
    assert says in error.value.message


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = Path(write_npz(tmp_path / "x.npz"))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DataError, match="damaged"):
        load("npz", path=str(path))
    folder = Path(write_idx(tmp_path / "idx", compress=False))
    images = folder / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"holds 15679 values, expected 15680"):
        load("mnist", path=str(folder))
    images.write_bytes(b"not an IDX file")
    with pytest.raises(DataError, match="expected an IDX header"):
        load("mnist", path=str(folder))
    images.unlink()
    with pytest.raises(DataError, match="has no train-images-idx3-ubyte"):
        load("mnist", path=str(folder))


def test_unfit_folders_are_refused(tmp_path: Path) -> None:
    root = Path(write_images(tmp_path / "pets"))
    (root / "train" / "cat" / "9.txt").write_text("no image")
    with pytest.raises(DataError, match=r"9\.txt is no readable image"):
        load("image_folder", path=str(root))
    (root / "train" / "cat" / "9.txt").unlink()
    Image.new("RGB", (9, 9)).save(root / "test" / "dog" / "x.png")
    with pytest.raises(DataError, match=r"set data\.size"):
        load("image_folder", path=str(root))
    (root / "train" / "bird").mkdir()
    with pytest.raises(DataError, match="differ in"):
        load("image_folder", path=str(root))


@pytest.mark.parametrize("name", ["npz", "mnist", "image_folder"])
def test_missing_data_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere.* is missing"):
        load(name, path=str(tmp_path / "nowhere"))


def test_unknown_data_sets_and_keys() -> None:
    with pytest.raises(SpecError, match=r"data\.name is 'mnits', expected one of cifar10, cifar100, digits"):
        load("mnits")
    with pytest.raises(SpecError, match=r"data\.color is an unknown key"):
        load("digits", color=True)
    with pytest.raises(SpecError, match=r"data\.path is missing"):
        load("npz")
