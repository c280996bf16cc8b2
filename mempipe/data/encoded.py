"""Encoded images on their way to arrays: decoded by several threads, in order, appended to a growing npy file."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import DataError

_BLOCK: Final = 256
"""Images decoded at once: as many arrays as memory holds at a time."""

Decode = Callable[[bytes, str], NDArray[np.uint8]]
"""From an encoded image and its place (for messages) to uint8 (height, width, channels)."""


@dataclass(frozen=True)
class EncodedImage:
    """One example as its source has it.

    Attributes:
        label: the source's number of its class; classes are numbered anew, from 0 without gaps, in this order.
        class_name: the name of its class.
        filename: for the release's index.
        place: where it lies, for messages.
        read: returns the encoded image; called by a thread of its own.
    """

    label: int
    class_name: str
    filename: str
    place: str
    read: Callable[[], bytes]


def returning(content: bytes) -> Callable[[], bytes]:
    """Return a `read` for an encoded image that is in memory already."""
    return lambda: content


def decoded(
    examples: Iterable[EncodedImage], decode: Decode
) -> Iterator[tuple[EncodedImage, NDArray[np.uint8], bytes]]:
    """Yield each example in order with its pixels and the SHA-256 of its encoded image."""

    def work(example: EncodedImage) -> tuple[NDArray[np.uint8], bytes]:
        content = example.read()
        return decode(content, example.place), hashlib.sha256(content).digest()

    source = iter(examples)
    with ThreadPoolExecutor() as pool:
        while block := list(islice(source, _BLOCK)):
            for example, (pixels, digest) in zip(block, pool.map(work, block), strict=True):
                yield example, pixels, digest


class GrowingImages:
    """A npy file of uint8 (n, height, width, channels) of which n is known only at the end.

    numpy leaves room in the header for the first axis to grow, so the header is written again in its place.

    Args:
        path: of the file, which must not exist.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._shape: tuple[int, ...] | None = None
        self._first = ""
        self._n = 0

    def append(self, pixels: NDArray[np.uint8], place: str) -> None:
        """Add an image; all have one shape."""
        if self._shape is None:
            self._shape, self._first = pixels.shape, place
            self._write_header()
        if pixels.shape != self._shape:
            raise DataError(
                f"Data set cannot be used: {place} is {pixels.shape}, expected {self._shape} as {self._first}.",
                hint="set data.size to resize all images.",
            )
        self._file.write(pixels.tobytes())
        self._n += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None and self._shape is not None:
                self._file.seek(0)
                self._write_header()

    def _write_header(self) -> None:
        shape = (self._n, *(self._shape or ()))
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
