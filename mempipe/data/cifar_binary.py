"""Reads the official binary versions of CIFAR-10 and CIFAR-100: fixed records of label bytes and three planes.

A record is one byte for each kind of label (CIFAR-10: the class; CIFAR-100: coarse, then fine), then 3,072 bytes: the
red, green and blue plane of 32 x 32 pixels, each row-major. Source: https://www.cs.toronto.edu/~kriz/cifar.html. The
Python versions are pickles and are not read.
"""

import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mempipe.data.dataset import Dataset
from mempipe.data.excerpt import Excerpt, excerpt_of
from mempipe.data.fetch import download, local_file, local_folder
from mempipe.errors import DataError

_SIDE: Final = 32
_PIXELS: Final = 3 * _SIDE * _SIDE
_MOST_NAMES_BYTES: Final = 1 << 16
_ARCHIVES: Final = (".tar.gz", ".tgz", ".tar")


@dataclass(frozen=True)
class Labels:
    """One kind of label.

    Attributes:
        file: name of the file with the class names, one a line; the known names are used where it is missing.
        names: the known class names, in the order of the labels.
    """

    file: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """What the published archive holds.

    Attributes:
        name: of the data set.
        url, sha256: the published archive and its checksum.
        folder: the folder in the archive.
        train_files, test_files: binary files, in the order of the data set.
        train_records, test_records: records in each of these files.
        labels: kinds of labels, in the order of the bytes of a record.
    """

    name: str
    url: str
    sha256: str
    folder: str
    train_files: tuple[str, ...]
    test_files: tuple[str, ...]
    train_records: int
    test_records: int
    labels: tuple[Labels, ...]

    @property
    def record_bytes(self) -> int:
        """Size of one record."""
        return len(self.labels) + _PIXELS

    def most_bytes(self, file: str) -> int:
        """Return the largest size that a file may have."""
        if file in self.train_files:
            return self.train_records * self.record_bytes
        return self.test_records * self.record_bytes if file in self.test_files else _MOST_NAMES_BYTES


def read_cifar(layout: Layout, path: str | None, *, kind: int, excerpt: Excerpt) -> Dataset:
    """Read a CIFAR data set in the order of its binary files; equal content gives the same fingerprint in any form.

    Args:
        layout: which one.
        path: a folder with the binary files or the archive; path or URI. None: the published archive, downloaded once.
        kind: which of `layout.labels` are the labels.
        excerpt: the classes and examples to read.

    Raises:
        DataError: a file is missing, has another number of records or a label out of range.
    """
    if path is None:
        files, where = _archived(layout, download(layout.url, sha256=layout.sha256, what=layout.name)), layout.url
    elif path.endswith(_ARCHIVES):
        files, where = _archived(layout, local_file(path, what=layout.name)), path
    else:
        files, where = _unpacked(layout, local_folder(path, what=layout.name)), path
    labels = layout.labels[kind]
    names = _class_names(labels, files.get(labels.file), where)
    train_images, train_labels = _part(layout, layout.train_files, files, kind, where)
    test_images, test_labels = _part(layout, layout.test_files, files, kind, where)
    train_images, train_labels, _ = excerpt_of(excerpt, train_images, train_labels, names, what=layout.name)
    test_images, test_labels, _ = excerpt_of(excerpt, test_images, test_labels, names, what=layout.name)
    return Dataset(
        name=layout.name,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        pixel_max=255.0,
        class_names=excerpt.of_names(names, what=layout.name),
        source=f"{layout.name} (Krizhevsky 2009), the official binary version, in its order",
    )


def _file_names(layout: Layout) -> tuple[str, ...]:
    return (*layout.train_files, *layout.test_files, *(labels.file for labels in layout.labels))


def _unpacked(layout: Layout, folder: Path) -> dict[str, bytes]:
    """Read the files in `folder`, or in the archive's folder below it."""
    inner = folder / layout.folder
    place = inner if inner.is_dir() else folder
    return {name: (place / name).read_bytes() for name in _file_names(layout) if (place / name).is_file()}


def _archived(layout: Layout, archive: Path) -> dict[str, bytes]:
    """Read the data set's members of an archive by name; nothing is extracted to disk."""
    members = {f"{layout.folder}/{name}": name for name in _file_names(layout)}
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, mode="r:*") as tar:
            for member in tar:
                name = members.get(member.name.removeprefix("./"))
                content = tar.extractfile(member) if name is not None and member.isreg() else None
                if name is not None and content is not None:
                    # One byte more than expected detects a file that is too long, and bounds the memory used.
                    files[name] = content.read(layout.most_bytes(name) + 1)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"Data set cannot be read: {layout.name} {archive} is damaged or no archive ({error}), "
            "expected the published .tar.gz.",
            hint="download it again.",
        ) from error
    return files


def _class_names(labels: Labels, content: bytes | None, where: str) -> tuple[str, ...]:
    if content is None:
        return labels.names
    names = tuple(line.strip() for line in content.decode(errors="replace").splitlines() if line.strip())
    if len(set(names)) != len(labels.names):
        raise DataError(
            f"Data set cannot be used: {where} {labels.file} names {len(set(names))} classes, "
            f"expected {len(labels.names)}.",
            hint="restore the file of the archive, or remove it: the names are known.",
        )
    return names


def _part(
    layout: Layout, names: tuple[str, ...], files: dict[str, bytes], kind: int, where: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    records = [_records(layout, name, files, where) for name in names]
    for name, rows in zip(names, records, strict=True):
        for byte, labels in enumerate(layout.labels):
            wrong = np.flatnonzero(rows[:, byte] >= len(labels.names))
            if len(wrong):
                raise DataError(
                    f"Data set cannot be used: {where} {name} record {wrong[0]} has label {rows[wrong[0], byte]}, "
                    f"expected 0 to {len(labels.names) - 1}.",
                    hint="the file is damaged or another data set's; download it again.",
                )
    n_labels = len(layout.labels)
    planes = np.concatenate([rows[:, n_labels:] for rows in records]).reshape(-1, 3, _SIDE, _SIDE)
    labels_of_part = np.concatenate([rows[:, kind] for rows in records]).astype(np.int64)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels_of_part


def _records(layout: Layout, name: str, files: dict[str, bytes], where: str) -> NDArray[np.uint8]:
    content = files.get(name)
    if content is None:
        raise DataError(
            f"Data set cannot be read: {layout.name} {where} has no {name}, expected the official binary version.",
            hint="use the binary version, not the Python or the Matlab one.",
        )
    n_bytes = layout.most_bytes(name)
    if len(content) != n_bytes:
        size = f"more than {n_bytes}" if len(content) > n_bytes else str(len(content))
        raise DataError(
            f"Data set cannot be read: {layout.name} {where} {name} is {size} bytes, "
            f"expected {n_bytes} ({n_bytes // layout.record_bytes} records of {layout.record_bytes}).",
            hint="the file is truncated or another data set's; download it again.",
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(-1, layout.record_bytes)
