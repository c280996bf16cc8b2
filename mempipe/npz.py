"""npz files of plain arrays: read whole or band by band, written as a stream; never a pickle.

A damaged or hostile file is one named error. A checked npz also holds a checksum over all its arrays, beside the CRC of
each member; equal arrays give equal bytes.
"""

import hashlib
import io
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import ReleaseError

# What numpy and zipfile raise on bytes that are no npz, or no longer one.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    SyntaxError,
    OSError,
    MemoryError,
    RuntimeError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


class UnreadableNpzError(Exception):
    """The file is no whole npz of plain arrays; the message says why."""


def read_npz(source: bytes | Path, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays of an npz, with each member's CRC checked.

    Args:
        source: its bytes or its path.
        names: read these arrays and no others, those that there are; None: all.

    Raises:
        UnreadableNpzError: truncated, damaged, no npz, or with pickled objects (which are not loaded).
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            if file.read(2) != b"PK":
                raise UnreadableNpzError("is no npz (it does not begin as a zip file does)")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files if names is None or name in names}
    except _UNREADABLE as error:
        if "allow_pickle" in str(error) or "pickled" in str(error):
            raise UnreadableNpzError("holds pickled objects, which are never loaded; expected plain arrays") from error
        raise UnreadableNpzError(f"is damaged or no npz ({error})") from error


class _Member(zipfile.ZipInfo):
    """A member as `numpy.savez` writes it, with whatever Python: before 3.11.4 its local header was another one."""

    early = False

    def FileHeader(self, zip64: bool | None = None) -> bytes:  # noqa: ARG002, N802 - zipfile's call
        """Return the local header, with sizes of 64 bits, and of an early member of 32 bits where they suffice."""
        sizes = self.compress_size, self.file_size
        if not self.early or self.file_size > zipfile.ZIP64_LIMIT:
            self.create_version = self.extract_version = zipfile.ZIP64_VERSION
            sizes = 0xFFFFFFFF, 0xFFFFFFFF
        name, date = self.filename.encode("ascii"), 1 << 5 | 1  # 1980-01-01
        extra = struct.pack("<HHQQ", 1, 16, self.file_size, self.compress_size)
        head = (b"PK\3\4", self.extract_version, 0, 0, 0, date, self.CRC, *sizes, len(name), len(extra))
        return struct.pack("<4s5H3L2H", *head) + name + extra


def encode(arrays: Mapping[str, NDArray[Any]], *, early: bool = False) -> bytes:
    """Return the bytes of an npz; equal arrays in equal order give equal bytes; `early`: as before Python 3.11.4."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, mode="w") as archive:
        for name, array in arrays.items():
            member = _Member(f"{name}.npy")
            member.early = early
            with archive.open(member, mode="w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)
    return buffer.getvalue()


def encode_checked(arrays: Mapping[str, NDArray[Any]], *, early: bool = False) -> bytes:
    """Return the bytes of a checked npz: the arrays, and `checksum` over them; `early` as in `encode`."""
    return encode({"checksum": np.asarray(checksum(arrays)), **arrays}, early=early)


def decode_checked(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a checked npz, without its checksum.

    Raises:
        UnreadableNpzError: it cannot be read, or its arrays are not those that were written.
    """
    arrays = read_npz(content)
    recorded = arrays.pop("checksum", None)
    if recorded is None or str(recorded) != checksum(arrays):
        raise UnreadableNpzError("checksum does not match its arrays")
    return arrays


def checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return SHA-256 (hex) over the names, dtypes, shapes and bytes of arrays."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        if array.nbytes:
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_HEADER_BYTES: Final = 1024
_BAND_BYTES: Final = 2**24


class NpzWriter:
    """An npz file that grows array by array and holds no more than what is being written.

    Uncompressed. Equal arrays in equal order give equal bytes: members carry a fixed date, and nothing depends on the
    machine. `numpy.load(path, allow_pickle=False)` reads it.
    """

    def __init__(self, path: Path) -> None:
        """Start the file `path`, which is replaced where it exists."""
        self._archive = zipfile.ZipFile(path, mode="w", compression=zipfile.ZIP_STORED, allowZip64=True)

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the table of contents, without which the file cannot be read."""
        self._archive.close()

    def add(self, name: str, array: NDArray[Any]) -> None:
        """Write one array."""
        with self.rows(name, array.dtype, array.shape) as rows:
            rows.write(array)

    @contextmanager
    def rows(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Iterator["RowWriter"]:
        """Write one array of `dtype` and `shape` from consecutive bands of its rows; one array at a time."""
        if dtype.hasobject:
            raise TypeError(f"array {name} holds objects, which would need a pickle")
        n_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        member = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
        member.create_system = _UNIX
        member.external_attr = 0o644 << 16
        member.file_size = n_bytes + _HEADER_BYTES  # zip or zip64 is decided before the content is known
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        with self._archive.open(member, mode="w") as stream:
            np.lib.format.write_array_header_1_0(stream, header)
            rows = RowWriter(stream, dtype)
            yield rows
            if rows.n_bytes != n_bytes:
                raise ValueError(f"array {name} got {rows.n_bytes} bytes, expected {n_bytes} for {dtype} {shape}")


class RowWriter:
    """Takes the rows of one array."""

    def __init__(self, stream: IO[bytes], dtype: np.dtype[Any]) -> None:
        """Write to the archive's open member."""
        self._stream = stream
        self._dtype = dtype
        self.n_bytes = 0

    def write(self, band: NDArray[Any]) -> None:
        """Write the next rows."""
        rows = np.ascontiguousarray(band, dtype=self._dtype)
        self.n_bytes += rows.nbytes
        if rows.nbytes:
            self._stream.write(rows.reshape(-1).view(np.uint8).data)


class NpzReader:
    """An npz file whose arrays are read whole or band by band; each read checks the member's CRC at its end."""

    def __init__(self, path: Path, *, source: str) -> None:
        """Open `path`; `source` names it in messages.

        Raises:
            ReleaseError: it is no npz, or is truncated.
        """
        self.source = source
        try:
            self._archive = zipfile.ZipFile(path)
        except FileNotFoundError as error:
            raise ReleaseError(
                f"File is missing: {source} does not exist, expected an npz.", hint="fetch the release again."
            ) from error
        except _UNREADABLE as error:
            raise self._damaged(f"cannot be read as npz ({error})") from error

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._archive.close()

    @property
    def names(self) -> list[str]:
        """The arrays' names, in the file's order."""
        return [name.removesuffix(".npy") for name in self._archive.namelist()]

    def read(self, name: str) -> NDArray[Any]:
        """Return one array.

        Raises:
            ReleaseError: there is none of that name, or its bytes are damaged.
        """
        with self._member(name) as stream:
            try:
                array = np.lib.format.read_array(stream, allow_pickle=False)
                stream.read(1)
            except _UNREADABLE as error:
                raise self._damaged(f"array {name} cannot be read ({error})") from error
            return array

    def shape(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Return the shape and type of one array without reading it."""
        with self._member(name) as stream:
            return self._header(name, stream)

    def bands(self, name: str, max_bytes: int = _BAND_BYTES) -> Iterator[NDArray[Any]]:
        """Yield consecutive bands of rows of one array, each of at most `max_bytes` but at least one row.

        Raises:
            ReleaseError: there is none of that name, or its bytes are damaged.
        """
        with self._member(name) as stream:
            shape, dtype = self._header(name, stream)
            row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
            step = max(1, max_bytes // max(1, row_bytes))
            for start in range(0, shape[0], step):
                n_rows = min(step, shape[0] - start)
                buffer = bytearray(n_rows * row_bytes)
                try:
                    filled = self._fill(stream, buffer)
                    if start + n_rows == shape[0]:
                        stream.read(1)
                except _UNREADABLE as error:
                    raise self._damaged(f"array {name} cannot be read ({error})") from error
                if filled < len(buffer):
                    raise self._damaged(f"array {name} ends early")
                yield np.frombuffer(buffer, dtype=dtype).reshape(n_rows, *shape[1:])

    @contextmanager
    def _member(self, name: str) -> Iterator[IO[bytes]]:
        try:
            stream = self._archive.open(f"{name}.npy")
        except _UNREADABLE as error:
            raise self._damaged(f"has no array {name} ({error})") from error
        with stream:
            yield stream

    def _header(self, name: str, stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
        try:
            version = np.lib.format.read_magic(stream)
            if version != (1, 0):
                raise ValueError(f"npy version {version}")
            shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
        except _UNREADABLE as error:
            raise self._damaged(f"array {name} cannot be read ({error})") from error
        if fortran_order or dtype.hasobject:
            raise self._damaged(f"array {name} is {dtype} {shape}, expected plain rows")
        return shape, dtype

    @staticmethod
    def _fill(stream: IO[bytes], buffer: bytearray) -> int:
        view, filled = memoryview(buffer), 0
        while filled < len(buffer) and (got := stream.readinto(view[filled:])):  # type: ignore[attr-defined]
            filled += got
        return filled

    def _damaged(self, problem: str) -> ReleaseError:
        return ReleaseError(f"File is damaged: {self.source} {problem}.", hint="fetch it again, or make it again.")
