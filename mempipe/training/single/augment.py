"""Random crops and flips inside the compiled step: a pure function of (seed, trial, step), the same on every device."""

from typing import Any

import tensorflow as tf

from mempipe.spec import Augmentation
from mempipe.subsets import Stream, raw_words


def augmentation_key(seed: int, trial: int) -> int:
    """Return the 63-bit key of a trial's augmentation, from a stream of its own."""
    return int(raw_words(seed, Stream.AUGMENTATION, trial, count=1)[0] >> 1)


def augment(images: Any, augmentation: Augmentation, *, key: Any, step: Any, first: int = 0, batch: int = 0) -> Any:
    """Return randomly moved and mirrored images (Feldman & Zhang 2020, App. B).

    With padding p, an image (h, w) gets p zeros on each side, and one of the (2p + 1)^2 windows (h, w) is cut out, each
    equally likely; then columns are reversed with probability 1/2. The numbers are Philox words of the counter
    (key, step), in which example b of the batch has a place of its own, so that they depend neither on the device nor
    on who else shares the batch.

    Args:
        images: float32 (n, h, w, c), normalized.
        augmentation: padding and flip.
        key: int64, see `augmentation_key`.
        step: number of the step.
        first: position of the first of `images` in the whole batch.
        batch: size of the whole batch; 0: `images` are all of it.

    Returns:
        float32 (n, h, w, c).
    """
    n, height, width, _ = images.shape
    seed = tf.stack([tf.cast(key, tf.int64), tf.cast(step, tf.int64)])
    words = tf.random.stateless_uniform(
        [batch or n, 3], seed, minval=None, maxval=None, dtype=tf.int32, alg=tf.random.Algorithm.PHILOX
    )[first : first + n]
    columns = tf.range(width)[None, :]
    if augmentation.flip:
        columns = tf.where(words[:, 2:] < 0, columns[:, ::-1], columns)
    else:
        columns = tf.repeat(columns, n, axis=0)
    padding = augmentation.crop_padding
    if padding:
        # Of 2^32 words one window gets at most one more than another.
        offsets = tf.math.floormod(words[:, :2], 2 * padding + 1)
        images = tf.pad(images, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
        images = tf.gather(images, offsets[:, :1] + tf.range(height), axis=1, batch_dims=1)
        columns += offsets[:, 1:2]
    return tf.gather(images, columns, axis=2, batch_dims=1)
