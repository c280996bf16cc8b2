"""Gives whitening layers the patches of a data set; both the covariance and the layer are the same for all trials."""

from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from mempipe.training.blocks.whitening import SIDE, PatchWhitening
from mempipe.training.normalize import Normalization

_N_IMAGES: Final = 5000
"""Images that the covariance is taken from, evenly spaced over the training set (Jordan 2024: 5,000)."""


def adapt_whitening(model: keras.Model, images: NDArray[Any], normalization: Normalization) -> None:
    """Set how the whitening layers of a model begin; models without one stay as they are.

    Like the normalization of pixels, it is taken from the whole training set and not from a trial's subset.

    Args:
        model: a built Keras model.
        images: the training images as stored, (n, h, w, c).
        normalization: what models see of pixels.
    """
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, PatchWhitening)]
    if not layers:
        return
    covariance = patch_covariance(normalization.apply(images[:: max(1, len(images) // _N_IMAGES)]))
    for layer in layers:
        layer.whiten(covariance)


def patch_covariance(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean of p p^T over all patches p of 2 x 2 pixels, float64 (4c, 4c).

    Args:
        images: normalized, (n, h, w, c); the order within p is (row, column, channel).
    """
    windows = np.lib.stride_tricks.sliding_window_view(images, (SIDE, SIDE), axis=(1, 2))
    total = np.zeros((windows.shape[3] * SIDE**2,) * 2)
    for image in windows:
        patches = image.transpose(0, 1, 3, 4, 2).reshape(-1, len(total)).astype(np.float64)
        total += patches.T @ patches
    return total / np.prod(windows.shape[:3])
