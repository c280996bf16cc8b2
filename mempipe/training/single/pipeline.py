"""The input pipeline of one trial: batches of normalized images in the trial's own order, from any step on."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mempipe.training.normalize import Normalization
from mempipe.training.order import ExampleOrder

_BLOCK: Final = 64
"""Batches of which the order is drawn at once."""
_PREFETCHED: Final = 2


class Images:
    """Images and labels as stored (uint8 stays uint8); normalized batch by batch.

    Args:
        images: uint8 or float32 (n, h, w, c); a `np.memmap` stays on disk and is read batch by batch.
        labels: int64 (n,).
        normalization: what models see.
    """

    def __init__(self, images: NDArray[Any], labels: NDArray[np.int64], normalization: Normalization) -> None:
        # On the host, so that large data sets do not fill a GPU's memory.
        with tf.device("CPU:0"):
            self._images = images if isinstance(images, np.memmap) else tf.constant(images)
            self._labels = tf.constant(labels.astype(np.int32))
            self._shift = tf.constant(normalization.shift)
            self._scale = tf.constant(normalization.scale)

    def batches(self, order: ExampleOrder, *, start: int, stop: int, batch_size: int, threads: int) -> tf.data.Dataset:
        """Return the batches of the steps `start` to `stop - 1`.

        Each is (images float32 (batch_size, h, w, c), labels int32 (batch_size,), what alternating flip mirrors
        bool (batch_size,)).
        """

        def blocks() -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
            for first in range(start, stop, _BLOCK):
                steps = first, min(first + _BLOCK, stop), batch_size
                yield order.batches(*steps), order.mirrored(*steps)

        signature = tf.TensorSpec((None, batch_size), tf.int64), tf.TensorSpec((None, batch_size), tf.bool)
        return self._fed(tf.data.Dataset.from_generator(blocks, output_signature=signature).unbatch(), threads)

    def in_order(self, *, batch_size: int, threads: int) -> tf.data.Dataset:
        """Return all examples once, in the data set's order; the last batch may be short."""
        return self._fed(tf.data.Dataset.range(len(self._labels)).batch(batch_size), threads)

    def _fed(self, indices: tf.data.Dataset, threads: int) -> tf.data.Dataset:
        options = tf.data.Options()
        options.deterministic = True
        options.threading.private_threadpool_size = threads
        options.threading.max_intra_op_parallelism = 1
        return indices.map(self._gathered).prefetch(_PREFETCHED).with_options(options)

    def _gathered(self, batch: Any, *others: Any) -> tuple[Any, ...]:
        if isinstance(self._images, np.memmap):
            stored = tf.numpy_function(self._read, [batch], self._images.dtype, stateful=False)
            stored = tf.ensure_shape(stored, (*batch.shape, *self._images.shape[1:]))
        else:
            stored = tf.gather(self._images, batch)
        images = tf.cast(stored, tf.float32)
        return (images - self._shift) * self._scale, tf.gather(self._labels, batch), *others

    def _read(self, batch: NDArray[np.int64]) -> NDArray[Any]:
        return np.asarray(self._images[batch])
