"""Data that no run should begin with: one clear error of `plan`, before anything is trained or written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mempipe.cli.main import run

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (40, 28, 28), dtype=np.uint8)
LABELS = np.arange(40) % 4

SPEC = """
name: bad
data: {{name: {data}, path: {path}{keys}}}
model: {model}
recipe: {{epochs: 1, batch_size: 8, learning_rate: 0.05}}
trainer: {{kind: single}}
trials: 5
"""


def npz(folder: Path, **changes: np.ndarray) -> Path:
    path = folder / "data.npz"
    arrays = {"x_train": IMAGES[:30], "y_train": LABELS[:30], "x_test": IMAGES[30:], "y_test": LABELS[30:]}
    np.savez(path, **(arrays | changes))
    return path


def cut_npz(folder: Path) -> Path:
    path = npz(folder)
    path.write_bytes(path.read_bytes()[:-1000])
    return path


def flipped_npz(folder: Path) -> Path:
    """One bit of a pixel."""
    path = npz(folder)
    content = bytearray(path.read_bytes())
    content[content.index(IMAGES[3].tobytes()) + 5] ^= 1
    path.write_bytes(content)
    return path


def text_as_npz(folder: Path) -> Path:
    path = folder / "data.npz"
    path.write_text("idx,label\n0,1\n")
    return path


def swapped_npz(folder: Path) -> Path:
    """Images and labels are under each other's name."""
    return npz(folder, x_train=LABELS[:30], y_train=IMAGES[:30])


def other_labels_npz(folder: Path) -> Path:
    """The labels of the other part."""
    return npz(folder, y_train=LABELS[30:], y_test=LABELS[:30])


def strange_class_npz(folder: Path) -> Path:
    """A class in test that train does not have."""
    return npz(folder, y_test=LABELS[30:] + 1)


def color_as_mnist(folder: Path) -> Path:
    images = RANDOM.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(40) % 10
    return npz(folder, x_train=images[:30], x_test=images[30:], y_train=labels[:30], y_test=labels[30:])


def scaled_as_mnist(folder: Path) -> Path:
    labels = np.arange(40) % 10
    images = IMAGES / 255
    return npz(folder, x_train=images[:30], x_test=images[30:], y_train=labels[:30], y_test=labels[30:])


def idx(folder: Path) -> Path:
    for name, array in {
        "train-images-idx3-ubyte": IMAGES[:30],
        "train-labels-idx1-ubyte": (np.arange(30) % 10).astype(np.uint8),
        "t10k-images-idx3-ubyte": IMAGES[30:],
        "t10k-labels-idx1-ubyte": (np.arange(10) % 10).astype(np.uint8),
    }.items():
        sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
        (folder / name).write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())
    return folder


def cut_idx(folder: Path) -> Path:
    path = idx(folder) / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-28])
    return folder


def labels_as_images(folder: Path) -> Path:
    (idx(folder) / "train-labels-idx1-ubyte").replace(folder / "train-images-idx3-ubyte")
    (folder / "train-labels-idx1-ubyte").write_bytes((folder / "t10k-labels-idx1-ubyte").read_bytes())
    return folder


def exchanged_parts(folder: Path) -> Path:
    """The test labels in the place of the training labels."""
    (idx(folder) / "t10k-labels-idx1-ubyte").replace(folder / "train-labels-idx1-ubyte")
    (folder / "t10k-labels-idx1-ubyte").write_bytes((folder / "train-labels-idx1-ubyte").read_bytes())
    return folder


def images(folder: Path) -> Path:
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (folder / part / name).mkdir(parents=True)
            for k in range(4):
                Image.fromarray(IMAGES[k]).save(folder / part / name / f"{k}.png")
    return folder


def text_among_images(folder: Path) -> Path:
    (images(folder) / "train" / "dog" / "notes.txt").write_text("not an image")
    return folder


def cut_image(folder: Path) -> Path:
    path = images(folder) / "test" / "cat" / "2.png"
    path.write_bytes(path.read_bytes()[:-60])
    return folder


def class_in_test_alone(folder: Path) -> Path:
    (images(folder) / "train" / "dog").rename(folder / "train" / "wolf")
    return folder


def class_without_images(folder: Path) -> Path:
    for path in (images(folder) / "train" / "dog").iterdir():
        path.unlink()
    return folder


def image_of_another_size(folder: Path) -> Path:
    Image.fromarray(IMAGES[0][:20]).save(images(folder) / "test" / "dog" / "3.png")
    return folder


MLP = "{name: mlp, hidden: [4]}"


@pytest.mark.parametrize(
    ("data", "make", "model", "says"),
    [
        ("npz", cut_npz, MLP, "data.npz is damaged"),
        ("npz", flipped_npz, MLP, "data.npz is damaged"),
        ("npz", text_as_npz, MLP, "data.npz"),
        ("npz", swapped_npz, MLP, "x_train is int64 (30,), expected numbers (n, height, width)"),
        ("npz", other_labels_npz, MLP, "train labels are (10,) for 30 images"),
        ("npz", strange_class_npz, MLP, "test labels are int64 from 1 to 4, expected int64 from 0 to 3"),
        ("mnist", cut_npz, MLP, "data.npz is damaged"),
        ("mnist", color_as_mnist, MLP, "x_train is uint8 (30, 32, 32, 3), expected uint8 (n, 28, 28)"),
        ("mnist", scaled_as_mnist, MLP, "x_train is float64 (30, 28, 28), expected uint8 (n, 28, 28)"),
        ("mnist", cut_idx, MLP, "expected 23520 for shape (30, 28, 28)"),
        ("mnist", labels_as_images, MLP, "x_train is uint8 (30,), expected uint8 (n, 28, 28)"),
        ("mnist", exchanged_parts, MLP, "train labels are (10,) for 30 images"),
        ("image_folder", text_among_images, MLP, "notes.txt is no readable image"),
        ("image_folder", cut_image, MLP, "2.png is no readable image"),
        ("image_folder", class_in_test_alone, MLP, "classes of train and test differ in ['dog', 'wolf']"),
        ("image_folder", class_without_images, MLP, "class 1 ('dog') has no training example"),
        ("image_folder", image_of_another_size, MLP, "3.png is (20, 28), expected (28, 28)"),
        ("image_sheets", images, MLP, "image sheets"),
        ("cifar10", images, MLP, "has no data_batch_1.bin"),
        ("imagenet", text_among_images, MLP, "notes.txt is no readable image"),
        ("npz", npz, "{name: small_cnn, filters: [2, 2, 2, 2, 2]}", "filters has 5 convolutions, expected 1 to 4"),
        ("npz", npz, "{name: resnet18, stem: imagenet}", "expected images of at least 32 x 32, got 28 x 28"),
    ],
)
def test_unfit_data_changes_nothing(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    data: str,
    make: Callable[[Path], Path],
    model: str,
    says: str,
) -> None:
    monkeypatch.setenv("MEMPIPE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    spec = tmp_path / "bad.yaml"
    keys = ", size: 8" if data == "imagenet" else ""
    spec.write_text(SPEC.format(data=data, path=make(tmp_path / "data"), model=model, keys=keys))
    code = run(["plan", str(spec), "--store", str(tmp_path / "store")])
    stderr = capfd.readouterr().err
    assert code == 20, stderr
    assert says in stderr
    assert stderr.count("Error: ") == stderr.count("Hint: ") == 1
    assert "Traceback" not in stderr
    assert not (tmp_path / "store").exists()
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
