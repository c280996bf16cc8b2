"""`image_sheets`: one large image for each class, made of equal tiles; row by row, each tile is an example.

    PATH/train/00-apple.webp   PATH/test/00-apple.webp
    PATH/train/01-bear.webp    PATH/test/01-bear.webp

Classes are ordered by file name; a number before the first `-` or `_` orders them and is no part of the name. CIFAR-100
in this form has another order than the official binary files, so it is another data set than `cifar100`.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mempipe.data.dataset import Dataset
from mempipe.data.excerpt import Excerpt
from mempipe.data.fetch import DataPath, local_folder
from mempipe.data.images import Channels, as_array, opened
from mempipe.errors import DataError

Side = Annotated[int, Field(ge=1)]


class Params(Excerpt):
    """Keys of the `image_sheets` data set.

    Attributes:
        path: path or URI of the folder.
        train, test: names of its two parts.
        tile: (height, width) of one tile.
        train_tiles, test_tiles: tiles that each sheet must have; further ones are padding and not read. Unless given,
            every tile is an example.
        channels: 3 for RGB, 1 for gray.
        license: of the data, for the card.
    """

    path: DataPath
    train: str = "train"
    test: str = "test"
    tile: tuple[Side, Side] = (32, 32)
    train_tiles: int | None = Field(None, ge=1)
    test_tiles: int | None = Field(None, ge=1)
    channels: Channels = 3
    license: str | None = None


@dataclass(frozen=True, eq=False)
class _Part:
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    filenames: tuple[str, ...]


def load(params: Params) -> Dataset:
    """Read the sheets; the name of an example is its sheet's and the number of its tile (`00-apple.webp#17`)."""
    root = local_folder(params.path, what="image sheets")
    train, test = _sheets(root / params.train), _sheets(root / params.test)
    if list(train) != list(test):
        different = sorted(set(train) ^ set(test))
        raise DataError(
            f"Data set cannot be used: {root} sheets of {params.train} and {params.test} differ in {different[:5]}, "
            "expected one of each class in both parts.",
            hint="add or remove sheets so that both parts have the same.",
        )
    names = {sheet: re.sub(r"^\d+[-_]", "", sheet) for sheet in train}
    if len(set(names.values())) != len(names):
        raise DataError(
            f"Data set cannot be used: {root / params.train} has two sheets of one class, expected one.",
            hint="name the sheets NUMBER-CLASS, each class once.",
        )
    chosen = params.of_names(tuple(names.values()), what=str(root))
    chosen_sheets = [sheet for sheet, name in names.items() if name in chosen]
    train_part = _read([train[sheet] for sheet in chosen_sheets], params.train_tiles, params)
    test_part = _read([test[sheet] for sheet in chosen_sheets], params.test_tiles, params)
    name = root.name
    return Dataset(
        name=name if name.endswith("sheets") else f"{name}_sheets",
        train_images=train_part.images,
        train_labels=train_part.labels,
        test_images=test_part.images,
        test_labels=test_part.labels,
        pixel_max=255.0,
        class_names=chosen,
        train_filenames=train_part.filenames,
        test_filenames=test_part.filenames,
        source=params.path,
        license=params.license,
    )


def _sheets(part: Path) -> dict[str, Path]:
    """Return the sheets of a part by their name without its ending, in order."""
    if not part.is_dir():
        raise DataError(
            f"Data set cannot be read: image sheets {part} is missing, expected a folder with one sheet a class.",
            hint="set data.train and data.test to the names of the two parts.",
        )
    files = sorted(path for path in part.iterdir() if path.is_file() and not path.name.startswith("."))
    sheets = {path.stem: path for path in files}
    if not files or len(sheets) != len(files):
        raise DataError(
            f"Data set cannot be read: image sheets {part} has {len(files)} files with {len(sheets)} names, "
            "expected one sheet a class.",
            hint="remove what is no sheet.",
        )
    return sheets


def _read(paths: list[Path], n_tiles: int | None, params: Params) -> _Part:
    with ThreadPoolExecutor() as pool:
        tiles = list(pool.map(lambda path: _tiles(path, n_tiles, params)[: params.limit], paths))
    counts = [len(group) for group in tiles]
    return _Part(
        images=np.concatenate(tiles),
        labels=np.repeat(np.arange(len(paths), dtype=np.int64), counts),
        filenames=tuple(f"{path.name}#{i}" for path, count in zip(paths, counts, strict=True) for i in range(count)),
    )


def _tiles(path: Path, n_tiles: int | None, params: Params) -> NDArray[np.uint8]:
    """Return the tiles of a sheet, uint8 (n, height, width, channels), row by row."""
    with opened(path, channels=params.channels, place=str(path)) as image:
        sheet = as_array(image)
    height, width = params.tile
    rows, columns = sheet.shape[0] // height, sheet.shape[1] // width
    if sheet.shape[:2] != (rows * height, columns * width):
        raise DataError(
            f"Data set cannot be used: {path} is {sheet.shape[:2]}, expected whole tiles of {height} x {width}.",
            hint="correct data.tile, or the sheet.",
        )
    if n_tiles is not None and rows * columns < n_tiles:
        raise DataError(
            f"Data set cannot be used: {path} has {rows * columns} tiles, expected {n_tiles}.",
            hint="the sheet is incomplete; make it again, or correct data.train_tiles and data.test_tiles.",
        )
    tiles = sheet.reshape(rows, height, columns, width, params.channels).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(tiles.reshape(-1, height, width, params.channels)[:n_tiles])
