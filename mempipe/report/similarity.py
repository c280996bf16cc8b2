"""Similarity of the two images of a pair by pixels, for comparison with the influence."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_PIXELS_AT_ONCE: Final = 2**22


def pixel_difference(
    train_images: NDArray[Any],
    test_images: NDArray[Any],
    tr_idx: NDArray[np.int64],
    tt_idx: NDArray[np.int64],
    pixel_max: float,
) -> NDArray[np.float64]:
    """Return the root mean square difference of the pixels of each pair.

    Args:
        train_images: (n_train, height, width, channels).
        test_images: (n_test, height, width, channels), of the same shape.
        tr_idx: int64 (n_pairs,).
        tt_idx: int64 (n_pairs,).
        pixel_max: the range of a pixel.

    Returns:
        float64 (n_pairs,); 0 for equal images, 1 for black and white.
    """
    difference = np.empty(tr_idx.size)
    step = max(1, _PIXELS_AT_ONCE // max(1, int(np.prod(train_images.shape[1:]))))
    for start in range(0, tr_idx.size, step):
        rows = slice(start, start + step)
        apart = train_images[tr_idx[rows]].astype(np.float64) - test_images[tt_idx[rows]]
        difference[rows] = np.sqrt(np.mean(np.square(apart / pixel_max), axis=(1, 2, 3)))
    return difference
