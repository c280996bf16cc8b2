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


def records_of(part: Path) -> list[Features]:
    """The examples of a folder's part, in its order, as the usual conversion writes them (labels from 1)."""
    return [
        {
            "image/encoded": [path.read_bytes()],
            "image/class/label": [1 + sorted(entry.name for entry in part.iterdir()).index(path.parent.name)],
            "image/class/synset": [path.parent.name.encode()],
            "image/filename": [path.relative_to(part).as_posix().encode()],
        }
        for path in sorted(part.rglob("*.JPEG"))
    ]
