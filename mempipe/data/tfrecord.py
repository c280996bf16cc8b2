"""Reads TFRecord files of `tf.train.Example` messages without TensorFlow, and verifies every checksum.

A record is: its length (uint64, little-endian), the masked CRC-32C of these 8 bytes, the content, its masked CRC-32C.
The mask of a crc is ((crc >> 15) | (crc << 17)) + 0xa282ead8, modulo 2^32.
Source: tensorflow/core/lib/io/record_writer.h, tensorflow/core/example/example.proto.
"""

import struct
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from mempipe.errors import DataError

_HEADER: Final = struct.Struct("<QI")
_FOOTER: Final = struct.Struct("<I")
_MASK: Final = 0xA282EAD8
_EXTRA: Final = "pip install 'mempipe[pipeline]'."

Features = dict[str, list[Any]]
"""Values of an example by name: lists of bytes, int or float."""


def read_examples(content: bytes, *, place: str) -> Iterator[tuple[int, Features]]:
    """Yield the number and the features of every record.

    Args:
        content: a whole, uncompressed TFRecord file.
        place: its name, for messages.

    Raises:
        DataError: a record is truncated, damaged or no `tf.train.Example`.
    """
    from google.protobuf.message import DecodeError

    message = _example_class()
    for number, record in enumerate(_records(content, place)):
        try:
            features = message.FromString(record).features.feature
        except DecodeError as error:
            raise _damaged(place, number, f"is no tf.train.Example ({error})") from error
        yield number, {name: _values(feature) for name, feature in features.items()}


def _records(content: bytes, place: str) -> Iterator[bytes]:
    try:
        from google_crc32c import value as crc32c
    except ModuleNotFoundError as error:
        raise DataError("TFRecords cannot be read: google-crc32c is not installed.", hint=_EXTRA) from error

    def masked(data: bytes) -> int:
        crc = int(crc32c(data))
        return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF

    position, number = 0, 0
    while position < len(content):
        if len(content) - position < _HEADER.size:
            raise _damaged(place, number, "is truncated")
        length, length_crc = _HEADER.unpack_from(content, position)
        if masked(content[position : position + 8]) != length_crc:
            raise _damaged(place, number, "has a wrong checksum of its length")
        begin, end = position + _HEADER.size, position + _HEADER.size + length
        if len(content) < end + _FOOTER.size:
            raise _damaged(place, number, "is truncated")
        record = content[begin:end]
        if masked(record) != _FOOTER.unpack_from(content, end)[0]:
            raise _damaged(place, number, "has a wrong checksum")
        yield record
        position, number = end + _FOOTER.size, number + 1


def _damaged(place: str, number: int, got: str) -> DataError:
    return DataError(
        f"Data set cannot be read: {place} record {number} {got}, expected a whole, uncompressed TFRecord file.",
        hint="copy the file again from where it was made.",
    )


def _values(feature: Any) -> list[Any]:
    kind = feature.WhichOneof("kind")
    return list(getattr(feature, kind).value) if kind else []


@cache
def _example_class() -> Any:
    """Return the class of `tf.train.Example` messages, described here field by field.

    It has a descriptor pool of its own, so that it does not conflict with TensorFlow's in one process.
    """
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ModuleNotFoundError as error:
        raise DataError("TFRecords cannot be read: protobuf is not installed.", hint=_EXTRA) from error
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="mempipe/example.proto", package="mempipe", syntax="proto3")
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (kind, type_number) in enumerate(
        (("Bytes", field.TYPE_BYTES), ("Float", field.TYPE_FLOAT), ("Int64", field.TYPE_INT64)), start=1
    ):
        values = file.message_type.add(name=f"{kind}List")
        values.field.add(name="value", number=1, label=field.LABEL_REPEATED, type=type_number)
        feature.field.add(
            name=f"{kind.lower()}_list",
            number=number,
            label=field.LABEL_OPTIONAL,
            type=field.TYPE_MESSAGE,
            type_name=f".mempipe.{kind}List",
            oneof_index=0,
        )
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=field.LABEL_OPTIONAL, type=field.TYPE_STRING)
    one = {"label": field.LABEL_OPTIONAL, "type": field.TYPE_MESSAGE}
    entry.field.add(name="value", number=2, type_name=".mempipe.Feature", **one)
    many = one | {"label": field.LABEL_REPEATED}
    features.field.add(name="feature", number=1, type_name=".mempipe.Features.FeatureEntry", **many)
    example = file.message_type.add(name="Example")
    example.field.add(name="features", number=1, type_name=".mempipe.Features", **one)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("mempipe.Example"))
