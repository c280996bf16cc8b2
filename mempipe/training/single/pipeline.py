"""The input of one trial: batches of normalized images in the trial's own order, from any step on.

A data set that fits lies on the device that trains, and the compiled step takes its batch from there; else batches are
made on the host and streamed, by the same operations on the same numbers. A resident image is a row of 64-bit words
that hold its bytes: TensorFlow gathers int64 on GPUs, and uint8 on the host only.
"""

import math
from collections.abc import Callable, Iterator
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
        self._shape = images.shape[1:]
        self._dtype = images.dtype
        with tf.device(None if self.resident else "CPU:0"):
            self._images = images if isinstance(images, np.memmap) else tf.constant(_words(images))
            self._labels = tf.constant(labels)  # int64: a constant of int32 would stay on the host
            self._shift = tf.constant(normalization.shift)
            self._scale = tf.constant(normalization.scale)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self._labels)

    def feed(
        self, order: ExampleOrder, *, start: int, stop: int, batch_size: int, threads: int, alternating: bool
    ) -> "Feed":
        """Return what gives the steps `start` to `stop - 1` their batches.

        Args:
            order: of the trial's examples.
            start: the first step.
            stop: the step after the last.
            batch_size: examples of a batch.
            threads: that make batches on the host.
            alternating: whether a batch also says what alternating flip mirrors.
        """

        def steps(first: int, last: int) -> tuple[NDArray[Any], ...]:
            positions = order.batches(first, last, batch_size)
            return (positions, order.mirrored(positions, first)) if alternating else (positions,)

        if self.resident:
            return Positions(steps, start=start)

        def blocks() -> Iterator[tuple[NDArray[Any], ...]]:
            for first in range(start, stop, _BLOCK):
                yield steps(first, min(first + _BLOCK, stop))

        signature = tuple(tf.TensorSpec((None, batch_size), part.dtype) for part in steps(start, start))
        indices = tf.data.Dataset.from_generator(blocks, output_signature=signature).unbatch()
        return Stream(iter(self._fed(indices, threads)))

    def batch(self, batches: Any, number: Any) -> tuple[Any, ...]:
        """Return the batch of a step, inside a compiled loop.

        Args:
            batches: what a feed gave.
            number: of the step, from 0.

        Returns:
            Images float32 (batch_size, h, w, c), labels int32 (batch_size,) and, of alternating flip, what it mirrors,
            bool (batch_size,).
        """
        if not self.resident:
            return tuple(next(batches))
        positions, *mirrored = (part[number] for part in batches)
        return (*self.examples(positions), *mirrored)

    def in_order(self, *, batch_size: int, threads: int) -> tf.data.Dataset:
        """Return all examples once, in the data set's order; the last batch may be short."""
        return self._fed(tf.data.Dataset.range(len(self._labels)).batch(batch_size), threads)

    def examples(self, positions: Any) -> tuple[Any, Any]:
        """Return normalized images, float32 (n, h, w, c), and labels, int32 (n,), of positions in the data set."""
        if isinstance(self._images, np.memmap):
            stored = tf.numpy_function(self._read, [positions], self._images.dtype, stateful=False)
            images = tf.cast(tf.ensure_shape(stored, (*positions.shape, *self._shape)), tf.float32)
        else:
            images = self._of_words(tf.gather(self._images, positions))
        labels = tf.cast(tf.gather(self._labels, positions), tf.int32)
        return (images - self._shift) * self._scale, labels

    def _of_words(self, words: Any) -> Any:
        """Return the images of rows of words, float32 (n, h, w, c)."""
        pixels = tf.cast(tf.bitcast(words, self._dtype), tf.float32)
        pixels = tf.reshape(pixels, (-1, pixels.shape[1] * pixels.shape[2]))
        return tf.reshape(pixels[:, : math.prod(self._shape)], (-1, *self._shape))

    def _fed(self, indices: tf.data.Dataset, threads: int) -> tf.data.Dataset:
        options = tf.data.Options()
        options.deterministic = True
        options.threading.private_threadpool_size = threads
        options.threading.max_intra_op_parallelism = 1
        examples = indices.map(lambda positions, *mirrored: (*self.examples(positions), *mirrored))
        return examples.prefetch(_PREFETCHED).with_options(options)

    def _read(self, batch: NDArray[np.int64]) -> NDArray[Any]:
        return np.asarray(self._images[batch])


class Positions:
    """Gives the examples of each step, for images that lie on the device."""

    def __init__(self, steps: Callable[[int, int], tuple[NDArray[Any], ...]], *, start: int) -> None:
        self._steps = steps
        self._next = start

    def take(self, n_steps: int, *, at_most: int) -> tuple[Any, ...]:
        """Return positions, int64, and with alternating flip what is mirrored, bool; each (at_most, batch_size).

        After `n_steps` they are 0: the shape does not change, so the loop is compiled once.
        """
        parts = self._steps(self._next, self._next + n_steps)
        self._next += n_steps
        return tuple(tf.constant(np.pad(part, [(0, at_most - n_steps), (0, 0)])) for part in parts)


class Stream:
    """Gives batches that were made on the host."""

    def __init__(self, batches: Iterator[Any]) -> None:
        self._batches = batches

    def take(self, n_steps: int, *, at_most: int) -> Iterator[Any]:  # noqa: ARG002
        """Return the iterator over all batches; a step takes the next."""
        return self._batches


Feed = Positions | Stream


def _words(images: NDArray[Any]) -> NDArray[np.int64]:
    """Return the bytes of each image as 64-bit words, int64 (n, words); zeros fill the last one."""
    rows = np.ascontiguousarray(images).reshape(len(images), -1).view(np.uint8)
    if missing := -rows.shape[1] % 8:
        rows = np.pad(rows, [(0, 0), (0, missing)])
    return rows.view(np.int64)
