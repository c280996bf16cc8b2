"""TFRecord files: what TensorFlow writes is read without it, and no damage passes."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from mempipe.data.tfrecord import Features, read_examples
from mempipe.errors import DataError
from tests.data.records import example, write_records

EXAMPLES: list[Features] = [
    {"image/encoded": [bytes(range(256)) * 3], "image/class/label": [7], "image/filename": [b"a b.JPEG"]},
    {"many": [-1, 0, 1, 2**63 - 1, -(2**63)], "floats": [0.5, -2.0], "bytes": [b"", b"x"]},
    {},
    {"empty": []},
]


def test_what_tensorflow_writes_is_read(tmp_path: Path) -> None:
    path = write_records(tmp_path / "a", EXAMPLES)
    assert list(read_examples(path.read_bytes(), place="a")) == list(enumerate(EXAMPLES))
    assert list(read_examples(b"", place="a")) == []


def test_every_flipped_bit_and_every_cut_is_found(tmp_path: Path) -> None:
    content = write_records(tmp_path / "a", [{"label": [3]}, {"name": [b"abc"]}]).read_bytes()
    boundary = 8 + 4 + len(example({"label": [3]})) + 4
    bits = np.random.default_rng(0).integers(0, 8, len(content))
    for position, bit in enumerate(bits):
        damaged = bytearray(content)
        damaged[position] ^= 1 << int(bit)
        with pytest.raises(DataError, match=r"file a record [01] (has a wrong checksum|is truncated)"):
            list(read_examples(bytes(damaged), place="file a"))
    for length in range(1, len(content)):
        if length != boundary:
            with pytest.raises(DataError, match="is truncated"):
                list(read_examples(content[:length], place="a"))


def test_other_content_is_refused(tmp_path: Path) -> None:
    with tf.io.TFRecordWriter(str(tmp_path / "a")) as writer:
        writer.write(b"\xff\xffno example")
    with pytest.raises(DataError, match=r"record 0 is no tf\.train\.Example"):
        list(read_examples((tmp_path / "a").read_bytes(), place="a"))
    zipped = str(tmp_path / "b")
    with tf.io.TFRecordWriter(zipped, options="GZIP") as writer:
        writer.write(example(EXAMPLES[0]))
    with pytest.raises(DataError, match="expected a whole, uncompressed TFRecord file"):
        list(read_examples(Path(zipped).read_bytes(), place="b"))
