"""The input of one trial: batches of normalized images in the trial's own order, from any step on.

A data set that fits lies on the device that trains, and the compiled step takes its batch from there; else batches are
made on the host and streamed, by the same operations on the same numbers.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mempipe.training.normalize import Normalization
from mempipe.training.order import ExampleOrder

RESIDENT_BYTES: Final = 4 << 30
"""Images of at most so many bytes are kept on the device that trains."""
_BLOCK: Final = 64
"""Batches of which the order is drawn at once."""
_PREFETCHED: Final = 2


class Images:
    """Images and labels as stored (uint8 stays uint8); normalized batch by batch.

    Args:
        images: uint8 or float32 (n, h, w, c); a `np.memmap` stays on disk and is read batch by batch.
        labels: int64 (n,).
        normalization: what models see.
        streamed: whether several devices share each batch, which then comes from the host.

    Attributes:
        resident: whether the images lie on the device that trains.
    """

    def __init__(
        self, images: NDArray[Any], labels: NDArray[np.int64], normalization: Normalization, *, streamed: bool = False
    ) -> None:
        self.resident = not (streamed or isinstance(images, np.memmap) or images.nbytes > RESIDENT_BYTES)
        with tf.device(None if self.resident else "CPU:0"):
            self._images = images if isinstance(images, np.memmap) else tf.constant(images)
            self._labels = tf.constant(labels.astype(np.int32))
            self._shift = tf.constant(normalization.shift)
            self._scale = tf.constant(normalization.scale)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self._labels)

    def feed(self, order: ExampleOrder, *, start: int, stop: int, batch_size: int, threads: int) -> "Feed":
        """Return what gives the steps `start` to `stop - 1` their batches."""
        if self.resident:
            return Positions(order, start=start, batch_size=batch_size)

        def blocks() -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
            for first in range(start, stop, _BLOCK):
                steps = first, min(first + _BLOCK, stop), batch_size
                yield order.batches(*steps), order.mirrored(*steps)

        signature = tf.TensorSpec((None, batch_size), tf.int64), tf.TensorSpec((None, batch_size), tf.bool)
        indices = tf.data.Dataset.from_generator(blocks, output_signature=signature).unbatch()
        return Stream(iter(self._fed(indices, threads)))

    def batch(self, batches: Any, number: Any) -> tuple[Any, Any, Any]:
        """Return the batch of a step, inside a compiled loop.

        Args:
            batches: what a feed gave.
            number: of the step, from 0.

        Returns:
            Images float32 (batch_size, h, w, c), labels int32 (batch_size,), what alternating flip mirrors bool
            (batch_size,).
        """
        if self.resident:
            positions, mirrored = batches
            images, labels = self.examples(positions[number])
            return images, labels, mirrored[number]
        images, labels, mirrored = next(batches)
        return images, labels, mirrored

    def in_order(self, *, batch_size: int, threads: int) -> tf.data.Dataset:
        """Return all examples once, in the data set's order; the last batch may be short."""
        return self._fed(tf.data.Dataset.range(len(self._labels)).batch(batch_size), threads)

    def examples(self, positions: Any) -> tuple[Any, Any]:
        """Return normalized images, float32 (n, h, w, c), and labels, int32 (n,), of positions in the data set."""
        if isinstance(self._images, np.memmap):
            stored = tf.numpy_function(self._read, [positions], self._images.dtype, stateful=False)
            stored = tf.ensure_shape(stored, (*positions.shape, *self._images.shape[1:]))
        else:
            stored = tf.gather(self._images, positions)
        images = tf.cast(stored, tf.float32)
        return (images - self._shift) * self._scale, tf.gather(self._labels, positions)

    def _fed(self, indices: tf.data.Dataset, threads: int) -> tf.data.Dataset:
        options = tf.data.Options()
        options.deterministic = True
        options.threading.private_threadpool_size = threads
        options.threading.max_intra_op_parallelism = 1
        examples = indices.map(lambda positions, *others: (*self.examples(positions), *others))
        return examples.prefetch(_PREFETCHED).with_options(options)

    def _read(self, batch: NDArray[np.int64]) -> NDArray[Any]:
        return np.asarray(self._images[batch])


class Positions:
    """Gives the examples of each step, for images that lie on the device."""

    def __init__(self, order: ExampleOrder, *, start: int, batch_size: int) -> None:
        self._order = order
        self._next = start
        self._batch_size = batch_size

    def take(self, n_steps: int, *, at_most: int) -> tuple[Any, Any]:
        """Return positions int64 and what is mirrored bool, both (at_most, batch_size): 0 after `n_steps`.

        The shape does not change, so the loop is compiled once.
        """
        steps = self._next, self._next + n_steps, self._batch_size
        self._next += n_steps
        missing = [(0, at_most - n_steps), (0, 0)]
        positions, mirrored = self._order.batches(*steps), self._order.mirrored(*steps)
        return tf.constant(np.pad(positions, missing)), tf.constant(np.pad(mirrored, missing))


class Stream:
    """Gives batches that were made on the host."""

    def __init__(self, batches: Iterator[Any]) -> None:
        self._batches = batches

    def take(self, n_steps: int, *, at_most: int) -> Iterator[Any]:  # noqa: ARG002
        """Return the iterator over all batches; a step takes the next."""
        return self._batches


Feed = Positions | Stream
