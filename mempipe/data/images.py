"""Decodes images, from files and from bytes, to uint8 arrays of one size."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mempipe.errors import DataError

Channels = Literal[1, 3]

_MODES: Final = {1: "L", 3: "RGB"}
_DAMAGED: Final = (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError)


@contextmanager
def opened(source: Path | bytes, *, channels: Channels, place: str) -> Iterator[Image.Image]:
    """Open an image as gray (1 channel) or RGB (3).

    Args:
        source: file or its bytes.
        channels: 1 or 3.
        place: where it lies, for messages.

    Raises:
        DataError: it is not a complete image.
    """
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as file:
            image = file.convert(_MODES[channels])
    except _DAMAGED as error:
        raise DataError(
            f"Data set cannot be read: {place} is no readable image ({error}).",
            hint="remove the file or replace it by a whole image.",
        ) from error
    yield image


def as_array(image: Image.Image) -> NDArray[np.uint8]:
    """Return a gray or RGB image as uint8 (height, width, channels)."""
    return np.asarray(image, dtype=np.uint8).reshape(image.height, image.width, len(image.getbands()))


def stretched(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize to (height, width), bilinear with antialiasing; the aspect is not kept."""
    height, width = size
    return image.resize((width, height), Image.Resampling.BILINEAR)


def center(image: Image.Image, *, size: int, shorter_side: int) -> Image.Image:
    """Resize so that the shorter side is `shorter_side` (bilinear with antialiasing), then cut the center square.

    Args:
        image: any size.
        size: side of the square.
        shorter_side: at least `size`.
    """
    scale = shorter_side / min(image.size)
    width, height = (max(shorter_side, round(side * scale)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    return stretched(image, (height, width)).crop((left, top, left + size, top + size))
