"""CIFAR-100's binary files through a run to a report: the page shows the same images, in color."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mempipe.report.sheets import COLUMNS, TILES
from tests.command import mempipe as command
from tests.report.site import arrays, script

LIMIT = 25
FILES = {"train": ("train.bin", 50_000), "test": ("test.bin", 10_000)}
APPLE, BEE = 0, 6

SPEC = """
name: apples-and-bees
data: {{name: cifar100, path: {path}, classes: [bee, apple], limit: {limit}}}
model: {{name: mlp, hidden: [16]}}
recipe: {{epochs: 10, batch_size: 16, learning_rate: 0.02}}
trainer: {{kind: ensemble, width: 20}}
trials: 20
chunk_size: 20
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[np.uint8]]:
    """Of each part, apples and bees in turn; each image has four quarters of colors of its own."""
    random = np.random.default_rng(23)
    colors = {part: random.integers(0, 256, (2 * LIMIT, 2, 2, 3), dtype=np.uint8) for part in FILES}
    return {part: quarters.repeat(16, axis=1).repeat(16, axis=2) for part, quarters in colors.items()}


@pytest.fixture(scope="module")
def report(images: dict[str, NDArray[np.uint8]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run on the first images of files of the official size, which are zeros after them."""
    folder = tmp_path_factory.mktemp("cifar")
    for part, (name, n_records) in FILES.items():
        with (folder / name).open("wb") as file:
            for index, image in enumerate(images[part]):
                file.write(bytes([0, (APPLE, BEE)[index % 2]]) + image.transpose(2, 0, 1).tobytes())
            file.truncate(n_records * (2 + 3 * 32 * 32))
    (folder / "spec.yaml").write_text(SPEC.format(path=folder, limit=LIMIT))
    release = command("run", folder / "spec.yaml", "--store", folder / "store").stdout.splitlines()[-1]
    return Path(command("report", release, "--out", folder / "report").stdout.strip()).parent


def page_images(report: Path, part: str) -> NDArray[np.float64]:
    """The tile of each example, cut from its sheet."""
    sheets = [np.asarray(Image.open(report / sheet["file"])) for sheet in script(report, "meta")["images"][part]]
    tiles = []
    for slot in arrays(report, part)["slot"].tolist():
        row, column = divmod(slot % TILES, COLUMNS)
        tiles.append(sheets[slot // TILES][32 * row : 32 * row + 32, 32 * column : 32 * column + 32])
    return np.array(tiles, dtype=np.float64)


@pytest.mark.parametrize("part", FILES)
def test_each_tile_shows_its_own_image(part: str, report: Path, images: dict[str, NDArray[np.uint8]]) -> None:
    """Thumbnails in color are compressed with loss: each is near its original, and far from all others."""
    tiles = page_images(report, part)
    assert tiles.shape == images[part].shape
    distance = np.abs(tiles[:, None] - images[part][None]).mean(axis=(2, 3, 4))
    assert np.diag(distance).max() < 10
    assert (distance + np.diag(np.full(2 * LIMIT, np.inf))).min() > 30


def test_classes_and_labels(report: Path) -> None:
    assert script(report, "meta")["classNames"] == ["apple", "bee"]
    for part in FILES:
        assert arrays(report, part)["label"].tolist() == [0, 1] * LIMIT
    assert script(report, "names") == {"train": None, "test": None}
