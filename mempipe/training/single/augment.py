"""Random crops, flips and cutout in the compiled step: a pure function of (seed, trial, step) on every device."""

from typing import Any

import tensorflow as tf

from mempipe.spec import Augmentation
from mempipe.subsets import Stream, raw_words


def augmentation_key(seed: int, trial: int) -> int:
    """Return the 63-bit key of a trial's augmentation, from a stream of its own."""
    return int(raw_words(seed, Stream.AUGMENTATION, trial, count=1)[0] >> 1)


def augment(
    images: Any,
    augmentation: Augmentation,
    *,
    key: Any,
    step: Any,
    mirrored: Any = None,
    first: int = 0,
    batch: int = 0,
) -> Any:
    """Return randomly moved, mirrored and partly covered images (Feldman & Zhang 2020, App. B; Jordan 2024).

    With padding p, an image (h, w) gets p pixels on each side, and one of the (2p + 1)^2 windows (h, w) is cut out,
    each equally likely; then columns are reversed with probability 1/2, or as `mirrored` says; then a square of zeros
    covers one of the places that lie within the image. The numbers are Philox words of the counter (key, step), in
    which example b of the batch has a place of its own, so that they depend neither on the device nor on who else
    shares the batch.

    Args:
        images: float32 (n, h, w, c), normalized.
        augmentation: padding, flip and cutout.
        key: int64, see `augmentation_key`.
        step: number of the step.
        mirrored: bool (n,); of alternating flip, see `mempipe.training.order`.
        first: position of the first of `images` in the whole batch.
        batch: size of the whole batch; 0: `images` are all of it.

    Returns:
        float32 (n, h, w, c).
    """
    n, height, width, _ = images.shape
    seed = tf.stack([tf.cast(key, tf.int64), tf.cast(step, tf.int64)])
    # With cutout a step takes other words, which the key of an older run never meets.
    words = tf.random.stateless_uniform(
        [batch or n, 5 if augmentation.cutout else 3],
        seed,
        minval=None,
        maxval=None,
        dtype=tf.int32,
        alg=tf.random.Algorithm.PHILOX,
    )[first : first + n]
    columns = tf.repeat(tf.range(width)[None, :], n, axis=0)
    if augmentation.flip:
        reverse = mirrored[:, None] if augmentation.flip == "alternating" else words[:, 2:3] < 0
        columns = tf.where(reverse, columns[:, ::-1], columns)
    padding = augmentation.crop_padding
    if padding:
        # Of 2^32 words one window gets at most one more than another.
        offsets = tf.math.floormod(words[:, :2], 2 * padding + 1)
        mode = "CONSTANT" if augmentation.crop_fill == "zeros" else "REFLECT"
        images = tf.pad(images, [(0, 0), (padding, padding), (padding, padding), (0, 0)], mode)
        images = tf.gather(images, offsets[:, :1] + tf.range(height), axis=1, batch_dims=1)
        columns += offsets[:, 1:2]
    images = tf.gather(images, columns, axis=2, batch_dims=1)
    return _covered(images, augmentation.cutout, words[:, 3:]) if augmentation.cutout else images


def _covered(images: Any, side: int, words: Any) -> Any:
    """Return images with a square of zeros at (row, column) of its corner, words modulo the number of places."""
    _, height, width, _ = images.shape
    inside = []
    for word, length in ((words[:, :1], height), (words[:, 1:], width)):
        corner = tf.math.floormod(word, length - side + 1)
        inside.append((tf.range(length) >= corner) & (tf.range(length) < corner + side))
    square = inside[0][:, :, None, None] & inside[1][:, None, :, None]
    return tf.where(square, tf.zeros([], images.dtype), images)
