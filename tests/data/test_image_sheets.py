"""Image sheets: tiles become examples in a stated order; the real sheets of CIFAR-100 where they are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mempipe.data import Dataset, load_dataset
from mempipe.data.sources import cifar100
from mempipe.errors import DataError
from mempipe.spec import Component
from tests.data.shared import real_data

RANDOM = np.random.default_rng(5)


def load(path: Path, **params: object) -> Dataset:
    return load_dataset(Component.model_validate({"name": "image_sheets", "path": str(path), **params}))


def write_sheets(root: Path) -> Path:
    """Two classes; sheets of 2 x 3 tiles (train) and 1 x 3 (test), each tile 4 high and 5 wide."""
    for part, rows in (("train", 2), ("test", 1)):
        (root / part).mkdir(parents=True)
        for name in ("0-dog", "1-cat"):
            pixels = RANDOM.integers(0, 256, (4 * rows, 15, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / part / f"{name}.png")
    return root


def test_tiles_are_read_row_by_row(tmp_path: Path) -> None:
    root = write_sheets(tmp_path / "pets")
    data = load(root, tile=[4, 5])
    assert (data.name, data.class_names) == ("pets_sheets", ("dog", "cat"))
    assert (data.n_train, data.n_test, data.image_shape) == (12, 6, (4, 5, 3))
    assert data.train_labels.tolist() == [0] * 6 + [1] * 6
    sheet = np.asarray(Image.open(root / "train" / "1-cat.png"))
    assert np.array_equal(data.train_images[6 + 4], sheet[4:8, 5:10])
    assert data.train_filenames is not None
    assert data.train_filenames[10] == "1-cat.png#4"


def test_an_excerpt_and_padding(tmp_path: Path) -> None:
    root = write_sheets(tmp_path / "pets")
    whole, part = load(root, tile=[4, 5]), load(root, tile=[4, 5], classes=["cat"], limit=2)
    assert (part.class_names, part.train_labels.tolist(), part.n_test) == (("cat",), [0, 0], 2)
    assert np.array_equal(part.train_images, whole.train_images[6:8])
    padded = load(root, tile=[4, 5], train_tiles=5)
    assert np.array_equal(padded.train_images[5], whole.train_images[6])


def test_unfit_sheets_are_refused(tmp_path: Path) -> None:
    root = write_sheets(tmp_path / "pets")
    with pytest.raises(DataError, match=r"0-dog\.png has 6 tiles, expected 7"):
        load(root, tile=[4, 5], train_tiles=7)
    with pytest.raises(DataError, match=r"is \(8, 15\), expected whole tiles of 4 x 4"):
        load(root, tile=[4, 4])
    with pytest.raises(DataError, match="has no class 'bird'"):
        load(root, tile=[4, 5], classes=["bird"])
    (root / "train" / "1-cat.png").write_bytes((root / "train" / "1-cat.png").read_bytes()[:200])
    with pytest.raises(DataError, match=r"1-cat\.png is no readable image"):
        load(root, tile=[4, 5])
    (root / "test" / "1-cat.png").unlink()
    with pytest.raises(DataError, match=r"differ in \['1-cat'\]"):
        load(root, tile=[4, 5])
    (root / "train" / "2-dog.png").write_bytes(b"")
    (root / "test" / "2-dog.png").write_bytes(b"")
    (root / "test" / "1-cat.png").write_bytes(b"")
    with pytest.raises(DataError, match="two sheets of one class"):
        load(root, tile=[4, 5])
    with pytest.raises(DataError, match="expected a folder with one sheet a class"):
        load(root, train="trian")


def test_the_real_sheets_of_cifar100() -> None:
    root = real_data("cifar100")
    data = load(root, classes=["apple", "bee", "worm"], train_tiles=500, test_tiles=100)
    assert (data.name, data.n_train, data.n_test) == ("cifar100_sheets", 1500, 300)
    assert data.class_names == ("apple", "bee", "worm")
    sheet = np.asarray(Image.open(root / "train" / "06-bee.webp").convert("RGB"))
    tiles = sheet.reshape(50, 32, 10, 32, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 32, 32, 3)
    assert np.array_equal(data.train_images[500:1000], tiles)
    names = tuple(path.stem[3:] for path in sorted((root / "train").iterdir()))
    assert names == cifar100.LAYOUT.labels[1].names
