"""Writes TFRecord files as everyone does: with TensorFlow."""

from collections.abc import Iterable
from pathlib import Path

import tensorflow as tf

from mempipe.data.tfrecord import Features


def example(features: Features) -> bytes:
    """Serialize a `tf.train.Example`; the type of a feature is its first value's."""
    built = {}
    for name, values in features.items():
        match values:
            case [bytes(), *_]:
                built[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
            case [int(), *_]:
                built[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
            case _:
                built[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Example(features=tf.train.Features(feature=built)).SerializeToString()


def write_records(path: Path, examples: Iterable[Features]) -> Path:
    """Write one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for features in examples:
            writer.write(example(features))
    return path
