"""CIFAR-10 and CIFAR-100 in the official binary layout, from small archives and folders made by these tests."""

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mempipe.data import Dataset, load_dataset
from mempipe.data.sources import cifar10, cifar100
from mempipe.errors import DataError
from mempipe.spec import Component
from mempipe.storage import open_store

RANDOM = np.random.default_rng(7)
N_TRAIN, N_TEST = 200, 100


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published files have 10,000 or 50,000 records; here are fewer."""
    for module in (cifar10, cifar100):
        layout = replace(module.LAYOUT, train_records=N_TRAIN // len(module.LAYOUT.train_files), test_records=N_TEST)
        monkeypatch.setattr(module, "LAYOUT", layout)


def load(name: str, **params: object) -> Dataset:
    return load_dataset(Component.model_validate({"name": name, **params}))


def records(n_records: int, n_classes: tuple[int, ...], *, shift: int = 0) -> np.ndarray:
    """Records of which the labels go round, (n_records, labels + 3072)."""
    labels = [(np.arange(n_records) + shift) % n for n in n_classes]
    return np.column_stack([*labels, RANDOM.integers(0, 256, (n_records, 3072))]).astype(np.uint8)


def files_of(module: ModuleType) -> dict[str, np.ndarray]:
    layout = module.LAYOUT
    n_classes = tuple(len(labels.names) for labels in layout.labels)
    train = {name: records(layout.train_records, n_classes, shift=i) for i, name in enumerate(layout.train_files)}
    return train | {name: records(layout.test_records, n_classes) for name in layout.test_files}


def write_folder(root: Path, module: ModuleType, files: dict[str, np.ndarray], *, meta: bool = True) -> Path:
    folder = root / module.LAYOUT.folder
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content.tobytes())
    for labels in module.LAYOUT.labels if meta else ():
        (folder / labels.file).write_text("\n".join(labels.names) + "\n\n")
    return folder


def write_archive(path: Path, folder: Path) -> str:
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, arcname=folder.name)
    return str(path)


def planes(record: np.ndarray) -> np.ndarray:
    """What the page of the data set says: 1,024 red bytes, then green, then blue, each row-major."""
    image = np.empty((32, 32, 3), np.uint8)
    for channel in range(3):
        for row in range(32):
            begin = 1024 * channel + 32 * row
            image[row, :, channel] = record[begin : begin + 32]
    return image


@pytest.mark.parametrize("module", [cifar10, cifar100])
def test_all_forms_are_one_data_set(module: ModuleType, tmp_path: Path, gcs_bucket: str) -> None:
    name = module.LAYOUT.name
    folder = write_folder(tmp_path, module, files_of(module))
    archive = write_archive(tmp_path / f"{name}.tar.gz", folder)
    open_store(f"gs://{gcs_bucket}").create(f"{name}.tar.gz", Path(archive))
    forms = [str(folder), str(tmp_path), archive, f"gs://{gcs_bucket}/{name}.tar.gz"]
    assert len({load(name, path=form).fingerprint for form in forms}) == 1


def test_records_are_read_in_order(tmp_path: Path) -> None:
    files = files_of(cifar10)
    data = load("cifar10", path=str(write_folder(tmp_path, cifar10, files, meta=False)))
    assert (data.n_train, data.n_test, data.image_shape) == (N_TRAIN, N_TEST, (32, 32, 3))
    assert data.class_names[:3] == ("airplane", "automobile", "bird")
    every = np.concatenate([files[f"data_batch_{batch}.bin"] for batch in range(1, 6)])
    assert np.array_equal(data.train_labels, every[:, 0])
    for index in (0, 39, 40, 199):
        assert np.array_equal(data.train_images[index], planes(every[index, 1:]))
    assert np.array_equal(data.test_images[99], planes(files["test_batch.bin"][99, 1:]))


def test_fine_and_coarse_labels(tmp_path: Path) -> None:
    files = files_of(cifar100)
    path = str(write_folder(tmp_path, cifar100, files))
    fine, coarse = load("cifar100", path=path), load("cifar100", path=path, labels="coarse")
    assert (fine.n_classes, coarse.n_classes) == (100, 20)
    assert np.array_equal(fine.train_labels, files["train.bin"][:, 1])
    assert np.array_equal(coarse.train_labels, files["train.bin"][:, 0])
    assert np.array_equal(fine.train_images[5], planes(files["train.bin"][5, 2:]))
    assert (fine.class_names[99], coarse.class_names[19]) == ("worm", "vehicles_2")
    assert fine.fingerprint != coarse.fingerprint


def test_an_excerpt_is_known_by_its_content(tmp_path: Path) -> None:
    path = str(write_folder(tmp_path, cifar100, files_of(cifar100)))
    whole = load("cifar100", path=path)
    part = load("cifar100", path=path, classes=["wolf", "bear", "apple"], limit=1)
    assert part.class_names == ("apple", "bear", "wolf")
    assert part.train_labels.tolist() == [0, 1, 2]
    assert np.array_equal(part.train_images, whole.train_images[[0, 3, 97]])
    assert part.fingerprint == load("cifar100", path=path, classes=["apple", "bear", "wolf"], limit=1).fingerprint
    assert load("cifar100", path=path, limit=2).fingerprint == whole.fingerprint
    with pytest.raises(DataError, match="cifar100 has no class 'unicorn', expected some of its 100"):
        load("cifar100", path=path, classes=["apple", "unicorn"])


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    files = files_of(cifar10)
    folder = write_folder(tmp_path, cifar10, files)
    batch = folder / "data_batch_3.bin"

    def refused(says: str) -> None:
        with pytest.raises(DataError, match=says):
            load("cifar10", path=str(folder))

    batch.write_bytes(files["data_batch_3.bin"].tobytes()[:-3073])
    refused(r"data_batch_3\.bin is 119847 bytes, expected 122920 \(40 records of 3073\)")
    batch.write_bytes(files["data_batch_3.bin"].tobytes() + b"x")
    refused("is more than 122920 bytes")
    wrong = files["data_batch_3.bin"].copy()
    wrong[17, 0] = 10
    batch.write_bytes(wrong.tobytes())
    refused(r"data_batch_3\.bin record 17 has label 10, expected 0 to 9")
    batch.unlink()
    refused(r"has no data_batch_3\.bin, expected the official binary version")
    batch.write_bytes(files["data_batch_3.bin"].tobytes())
    (folder / "batches.meta.txt").write_text("cat\ndog\n")
    refused(r"batches\.meta\.txt names 2 classes, expected 10")


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    archive = Path(write_archive(tmp_path / "c.tar.gz", write_folder(tmp_path, cifar10, files_of(cifar10))))
    whole = archive.read_bytes()
    for content in (whole[: len(whole) // 2], b"<html>not found</html>", b""):
        archive.write_bytes(content)
        with pytest.raises(DataError, match="is damaged or no archive"):
            load("cifar10", path=str(archive))


def test_an_archive_writes_nothing_and_is_read_by_name(tmp_path: Path) -> None:
    """Members that point out of the archive, links and other names are skipped."""
    files = files_of(cifar100)
    secret = tmp_path / "secret"
    secret.write_bytes(files["test.bin"].tobytes())
    with tarfile.open(tmp_path / "hostile.tar.gz", "w:gz") as tar:
        for name in ("../../train.bin", "cifar-100-binary/train.bin", "other/test.bin"):
            member = tarfile.TarInfo(name)
            member.size = files["train.bin"].nbytes
            tar.addfile(member, io.BytesIO(files["train.bin"].tobytes()))
        link = tarfile.TarInfo("cifar-100-binary/test.bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tar.addfile(link)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DataError, match=r"has no test\.bin"):
        load("cifar100", path=str(tmp_path / "hostile.tar.gz"))
    assert sorted(tmp_path.iterdir()) == before


def test_the_published_archive_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Path(write_archive(tmp_path / "c.tar.gz", write_folder(tmp_path, cifar10, files_of(cifar10))))
    monkeypatch.setenv("MEMPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cifar10, "LAYOUT", replace(cifar10.LAYOUT, url=archive.as_uri()))
    with pytest.raises(DataError, match=r"Download is not the published file: .* expected c4a38c50"):
        load("cifar10")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
