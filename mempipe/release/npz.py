"""Writes npz files as a stream: uncompressed, without pickles, and with the same bytes for the same arrays."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self, cast

import numpy as np
from numpy.typing import NDArray

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3


class NpzWriter:
    """An npz file that grows array by array; it holds no more than what is being written.

    Equal arrays in equal order give equal bytes: members carry a fixed date, and nothing depends on the machine.
    `numpy.load(path, allow_pickle=False)` reads it.
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
        """Close the file; without it the file cannot be read."""
        self._archive.close()

    def add(self, name: str, array: NDArray[Any]) -> None:
        """Write one array."""
        if array.dtype.hasobject:
            raise TypeError(f"array {name} holds objects, which would need a pickle")
        self.add_rows(name, array.dtype, array.shape, [array])

    def add_rows(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], bands: Iterable[NDArray[Any]]) -> None:
        """Write one array of `shape` from consecutive bands of its rows."""
        member = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
        member.create_system = _UNIX
        member.external_attr = 0o644 << 16
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        n_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        member.file_size = n_bytes + 1024  # decides between zip and zip64 before the content is known
        written = 0
        with self._archive.open(member, mode="w") as stream:
            np.lib.format.write_array_header_1_0(cast(IO[bytes], stream), header)
            for band in bands:
                rows = np.ascontiguousarray(band, dtype=dtype)
                written += rows.nbytes
                if rows.size:
                    stream.write(rows.reshape(-1).view(np.uint8).data if rows.ndim else rows.tobytes())
        if written != n_bytes:
            raise ValueError(f"array {name} got {written} bytes, expected {n_bytes} for {dtype} {shape}")
