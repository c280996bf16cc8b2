"""Smaller or larger training images: a fixed linear map along each side, the same on every device."""

from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def resized(images: Any, height: int) -> Any:
    """Return images of another height, float32 (n, height, width, c); the width keeps the proportion.

    Args:
        images: float32 (n, h, w, c).
        height: in pixels.
    """
    _, old_height, old_width, _ = images.shape
    width = max(1, round(old_width * height / old_height))
    images = tf.einsum("ih,nhwc->niwc", triangles(old_height, height), images)
    return tf.einsum("jw,niwc->nijc", triangles(old_width, width), images)


@cache
def triangles(old: int, new: int) -> NDArray[np.float32]:
    """Return the weights of the old pixels in each new one, float32 (new, old); rows add up to 1.

    Bilinear with antialiasing, as in Pillow and `tf.image.resize`: new pixel i has its center at c = (i + 1/2) * old /
    new, and old pixel j the weight max(0, 1 - |j + 1/2 - c| / max(1, old / new)), in proportion.
    """
    centers = (np.arange(new) + 0.5) * old / new
    distances = np.abs(np.arange(old) + 0.5 - centers[:, None]) / max(1.0, old / new)
    weights = np.maximum(0, 1 - distances)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
