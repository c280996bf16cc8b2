"""The npz stream: same bytes, plain numpy reads it, damage is named."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest

from mempipe.errors import ReleaseError
from mempipe.npz import NpzReader, NpzWriter, decode_checked, encode, encode_checked

ARRAYS = {
    "counts": np.arange(60, dtype=np.int32).reshape(12, 5),
    "nothing": np.empty((4, 0), dtype=np.float32),
    "none": np.empty((0, 4), dtype=np.int64),
    "text": np.asarray("käse"),
    "names": np.array([b"a.png", b"b.png"]),
    "one": np.asarray(7, dtype=np.int64),
}


def write(path: Path) -> bytes:
    with NpzWriter(path) as archive:
        for name, array in ARRAYS.items():
            archive.add(name, array)
    return path.read_bytes()


def test_numpy_reads_it_without_pickles(tmp_path: Path) -> None:
    write(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert archive.files == list(ARRAYS)
        for name, array in ARRAYS.items():
            assert archive[name].dtype == array.dtype
            np.testing.assert_array_equal(archive[name], array)


def test_equal_arrays_give_equal_bytes_however_they_came(tmp_path: Path) -> None:
    with NpzWriter(tmp_path / "b.npz") as archive:
        for name, array in ARRAYS.items():
            if array.ndim == 2:
                with archive.rows(name, array.dtype, array.shape) as rows:
                    for start in range(0, len(array), 5):
                        rows.write(np.asfortranarray(array[start : start + 5]))
            else:
                archive.add(name, array)
    assert (tmp_path / "b.npz").read_bytes() == write(tmp_path / "a.npz")


def test_the_bytes_are_those_of_every_python(tmp_path: Path) -> None:
    """`numpy.savez` gives those of `encode` with Python 3.11.4 and later; 3.11.2 wrote others."""
    assert hashlib.sha256(write(tmp_path / "a.npz")).hexdigest()[:16] == "f70b41d69e251334"
    assert hashlib.sha256(encode(ARRAYS)).hexdigest()[:16] == "6486543eeb447e51"
    assert decode_checked(encode_checked(ARRAYS)).keys() == ARRAYS.keys()
    with np.load(io.BytesIO(encode(ARRAYS)), allow_pickle=False) as archive:
        assert all(np.array_equal(archive[name], array) for name, array in ARRAYS.items())


def test_objects_are_refused(tmp_path: Path) -> None:
    with NpzWriter(tmp_path / "a.npz") as archive, pytest.raises(TypeError, match="pickle"):
        archive.add("x", np.array([{}, None]))


def test_missing_rows_are_refused(tmp_path: Path) -> None:
    with (
        NpzWriter(tmp_path / "a.npz") as archive,
        pytest.raises(ValueError, match="got 20 bytes"),
        archive.rows("x", np.dtype(np.int32), (2, 5)) as rows,
    ):
        rows.write(np.zeros((1, 5), dtype=np.int32))


@pytest.mark.parametrize("max_bytes", [1, 20, 45, 10**6])
def test_bands_are_the_rows_in_order(tmp_path: Path, max_bytes: int) -> None:
    write(tmp_path / "a.npz")
    with NpzReader(tmp_path / "a.npz", source="a") as archive:
        bands = list(archive.bands("counts", max_bytes))
        assert all(band.nbytes <= max(max_bytes, 20) for band in bands)
        np.testing.assert_array_equal(np.concatenate(bands), ARRAYS["counts"])
        assert archive.names == list(ARRAYS)
        assert archive.shape("one") == ((), np.dtype(np.int64))
        assert str(archive.read("text")) == "käse"


def test_every_flipped_byte_of_an_array_is_noticed(tmp_path: Path) -> None:
    content = write(tmp_path / "a.npz")
    start = content.index(ARRAYS["counts"].tobytes())
    for position in range(start, start + ARRAYS["counts"].nbytes, 7):
        damaged = bytearray(content)
        damaged[position] ^= 1
        (tmp_path / "d.npz").write_bytes(damaged)
        with NpzReader(tmp_path / "d.npz", source="d.npz") as archive:
            with pytest.raises(ReleaseError, match=r"damaged: d\.npz array counts"):
                archive.read("counts")
            with pytest.raises(ReleaseError, match="damaged"):
                list(archive.bands("counts", 50))


def test_truncated_file_is_named(tmp_path: Path) -> None:
    content = write(tmp_path / "a.npz")
    for size in (0, 10, len(content) // 2, len(content) - 1):
        (tmp_path / "d.npz").write_bytes(content[:size])
        with pytest.raises(ReleaseError, match=r"d\.npz cannot be read as npz"):
            NpzReader(tmp_path / "d.npz", source="d.npz")
    with pytest.raises(ReleaseError, match="does not exist"):
        NpzReader(tmp_path / "absent.npz", source="absent.npz")


def test_pickle_in_an_npz_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", x=np.array([{}], dtype=object))
    with NpzReader(tmp_path / "p.npz", source="p.npz") as archive:
        with pytest.raises(ReleaseError):
            archive.read("x")
        with pytest.raises(ReleaseError):
            list(archive.bands("x"))
        with pytest.raises(ReleaseError, match="no array y"):
            archive.read("y")
