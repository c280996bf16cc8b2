"""Turns pixels into what models see: scaled to the unit interval, or to mean 0 and deviation 1 of each channel."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

_BLOCK_BYTES: Final = 1 << 26


@dataclass(frozen=True, eq=False)
class Normalization:
    """A pixel x of a channel becomes (x - shift) * scale, in float32.

    Attributes:
        shift, scale: float32 (channels,).
    """

    shift: NDArray[np.float32]
    scale: NDArray[np.float32]

    def apply(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return normalized images, float32 (n, h, w, c)."""
        normalized: NDArray[np.float32] = np.subtract(images, self.shift, dtype=np.float32)
        normalized *= self.scale
        return normalized


def fit_normalization(kind: Literal["unit", "standardize"], images: NDArray[Any], *, pixel_max: float) -> Normalization:
    """Return the normalization of a data set; computed once, from the whole training set and not from a subset.

    `unit`: x / pixel_max. `standardize`: (x - mean) / standard deviation of the channel over all training images; a
    channel that never changes has deviation 1. Sums are float64 in a fixed order (exact for uint8), so the result
    does not depend on the machine.

    Args:
        kind: as in the recipe.
        images: uint8 or float32 (n, h, w, c); the training images.
        pixel_max: largest value of a pixel.
    """
    n_channels = images.shape[-1]
    if kind == "unit":
        return Normalization(
            shift=np.zeros(n_channels, np.float32), scale=np.full(n_channels, 1 / pixel_max, np.float32)
        )
    pixels = images.reshape(-1, n_channels)
    if pixels.dtype == np.uint8:
        mean, variance = _moments_of_bytes(pixels)
        constant = variance == 0  # exact, so without looking again
    else:
        mean, variance = _moments(pixels)
        constant = pixels.min(axis=0) == pixels.max(axis=0)
    deviation = np.sqrt(variance)
    deviation[constant] = 1
    return Normalization(shift=mean.astype(np.float32), scale=(1 / deviation).astype(np.float32))


def _moments_of_bytes(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and variance (population) of each channel, from exact integer sums, block by block."""
    rows = _BLOCK_BYTES // 8
    counts = np.zeros((pixels.shape[1], 256), dtype=np.int64)
    for start in range(0, len(pixels), rows):
        for channel, values in enumerate(pixels[start : start + rows].T):
            counts[channel] += np.bincount(values, minlength=256)
    means, variances = [], []
    n = len(pixels)
    for row in counts.tolist():
        total = sum(value * count for value, count in enumerate(row))
        squares = sum(value * value * count for value, count in enumerate(row))
        means.append(total / n)
        variances.append((n * squares - total * total) / (n * n))
    return np.array(means), np.array(variances)


def _moments(pixels: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and variance (population) of each channel, block by block so that memory stays small."""
    rows = max(1, _BLOCK_BYTES // (8 * pixels.shape[1]))
    blocks = [slice(start, start + rows) for start in range(0, len(pixels), rows)]
    total = np.zeros(pixels.shape[1])
    for block in blocks:
        total += pixels[block].sum(axis=0, dtype=np.float64)
    mean = total / len(pixels)
    squares = np.zeros(pixels.shape[1])
    for block in blocks:
        squares += ((pixels[block] - mean) ** 2).sum(axis=0)
    return mean, squares / len(pixels)
