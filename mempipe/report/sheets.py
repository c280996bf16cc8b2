"""Thumbnails in sheets: 40 × 25 tiles of one class in one image file, by descending priority."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLUMNS: Final = 40
ROWS: Final = 25
TILES: Final = COLUMNS * ROWS
MAX_SIDE: Final = 96
"""Larger images are scaled down to this many pixels on the longest side."""

_WEBP_QUALITY: Final = 90


@dataclass(frozen=True, eq=False)
class Sheets:
    """The sheets of one part of a data set, of images or of texts.

    Attributes:
        slot: uint32 (n,); for each example, number of its sheet times `TILES`, plus its tile.
        files: file names by number.
        tiles: number of tiles of each sheet; unused rows are cut off.
    """

    slot: NDArray[np.uint32]
    files: list[str]
    tiles: list[int]


def tile_shape(height: int, width: int) -> tuple[int, int]:
    """Return (height, width) of a thumbnail."""
    scale = min(1.0, MAX_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def write_sheets(
    folder: Path,
    part: str,
    images: NDArray[Any],
    labels: NDArray[np.int64],
    priority: NDArray[np.float64],
    *,
    pixel_max: float,
    advance: Callable[[int], None] = lambda _: None,
) -> Sheets:
    """Write the sheets of one part.

    Args:
        folder: folder of the files.
        part: `train` or `test`; prefix of their names.
        images: uint8 or float32 (n, height, width, channels).
        labels: int64 (n,); each class has its own sheets.
        priority: float64 (n,); sorts a class in descending order, with NaN last.
        pixel_max: the value of white; sheets with negative pixels use the range of their pixels.
        advance: advances the progress by a number of images.
    """
    files: list[str] = []
    slot, groups = layout(labels, priority)
    for number, chosen in enumerate(groups):
        picture = montage(np.stack([thumbnail(image) for image in to_uint8(images[chosen], pixel_max)]))
        color = picture.mode == "RGB"
        name = f"{part}-{number:05d}.{'webp' if color else 'png'}"
        if color:
            picture.save(folder / name, quality=_WEBP_QUALITY, method=4)
        else:
            picture.save(folder / name, compress_level=6)
        files.append(name)
        advance(len(chosen))
    return Sheets(slot, files, [len(chosen) for chosen in groups])


def layout(
    labels: NDArray[np.int64], priority: NDArray[np.float64]
) -> tuple[NDArray[np.uint32], list[NDArray[np.int64]]]:
    """Lay examples out on sheets; see `Sheets.slot`.

    Args:
        labels: int64 (n,); each class has its own sheets.
        priority: float64 (n,); sorts a class in descending order, with NaN last.

    Returns:
        The slots, uint32 (n,); the examples of each sheet in the order of its tiles.
    """
    order = np.lexsort((np.arange(len(labels)), -priority, labels))  # NaN sorts last
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    slot = np.empty(len(labels), dtype=np.uint32)
    groups: list[NDArray[np.int64]] = []
    for begin, end in zip(starts, [*starts[1:], len(order)], strict=True):
        for start in range(begin, end, TILES):
            chosen = order[start : min(start + TILES, end)]
            slot[chosen] = len(groups) * TILES + np.arange(len(chosen))
            groups.append(chosen)
    return slot, groups


def to_uint8(images: NDArray[Any], pixel_max: float) -> NDArray[np.uint8]:
    """Return images as uint8 with one channel (gray) or three (RGB), black to white over [0, `pixel_max`]."""
    channels = images.shape[-1]
    images = images[..., :3] if channels >= 3 else images[..., :1]
    if images.dtype == np.uint8 and pixel_max == 255:
        return images
    pixels = images.astype(np.float32)
    lowest, highest = (float(pixels.min()), float(pixels.max())) if pixels.min() < 0 else (0.0, pixel_max)
    scaled = (pixels - lowest) * (255 / max(highest - lowest, 1e-12))
    rounded: NDArray[np.uint8] = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    return rounded


def thumbnail(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return one image at the size of a tile."""
    height, width = tile_shape(*image.shape[:2])
    if (height, width) == image.shape[:2]:
        return image
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    small = np.asarray(picture.resize((width, height), Image.Resampling.BOX, reducing_gap=None))
    return small.reshape(height, width, -1)


def montage(tiles: NDArray[np.uint8]) -> Image.Image:
    """Lay tiles (n, height, width, channels) out in rows of `COLUMNS`, with as many rows as needed."""
    n, height, width, channels = tiles.shape
    rows = -(-n // COLUMNS)
    sheet = np.zeros((rows * COLUMNS, height, width, channels), dtype=np.uint8)
    sheet[:n] = tiles
    sheet = sheet.reshape(rows, COLUMNS, height, width, channels).transpose(0, 2, 1, 3, 4)
    pixels = sheet.reshape(rows * height, COLUMNS * width, channels)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
