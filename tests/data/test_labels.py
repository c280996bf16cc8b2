"""`labels`: a table of labels and ids from each format gives the same data set; each bad input has its own error."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mempipe.data import Dataset, load_dataset
from mempipe.errors import DataError, MempipeError
from mempipe.spec import Component

TRAIN = {
    "id": ["007", "a b", "ü", "NA"],
    "label": ["spam", "ham", "spam", "NA"],
    "text": ['he said "so",\nand', "", "中", "x"],
}
TEST = {"id": ["007", "8"], "label": ["NA", "spam"], "text": ["t", "u"]}


def write(path: Path, table: dict[str, Any], **more: Any) -> Path:
    """A table in the format that the suffix says, with a column that nobody asked for."""
    columns = table | more | {"feature": [1.5] * len(table["label"])}
    if path.suffix == ".npz":
        np.savez(path, **{name: np.asarray(values) for name, values in columns.items()})
    elif path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
    return path


def load(folder: Path, suffix: str, train: dict[str, Any], test: dict[str, Any], **params: Any) -> Dataset:
    paths = {
        "train": str(write(folder / f"train{suffix}", train)),
        "test": str(write(folder / f"test{suffix}", test)),
    }
    return load_dataset(Component.model_validate({"name": "labels", **paths, **params}))


def fingerprint(folder: Path, **params: Any) -> str:
    return load(folder, ".npz", TRAIN, TEST, **params).fingerprint


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
def test_each_format_gives_the_same_data_set(suffix: str, tmp_path: Path) -> None:
    """Ids and names stay text, whatever a table's reader would take them for."""
    data = load(tmp_path, suffix, TRAIN, TEST, text="text", version="3", license="CC0")
    assert data.class_names == ("NA", "ham", "spam")
    assert (data.train_labels.tolist(), data.test_labels.tolist()) == ([2, 1, 2, 0], [0, 2])
    assert (data.train_filenames, data.test_filenames) == (tuple(TRAIN["id"]), tuple(TEST["id"]))
    assert (data.train_texts, data.test_texts) == (tuple(TRAIN["text"]), tuple(TEST["text"]))
    assert (data.image_shape, data.has_images, data.feature_version, data.license) == (None, False, "3", "CC0")
    assert data.name == tmp_path.name
    assert data.fingerprint == fingerprint(tmp_path, text="text", version="3")


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
def test_numbers_are_classes_in_every_format(suffix: str, tmp_path: Path) -> None:
    train, test = {"id": [7, 9, 11], "label": [1, 0, 2]}, {"id": [7], "label": [2]}
    data = load(tmp_path, suffix, train, test)
    assert (data.train_labels.tolist(), data.class_names) == ([1, 0, 2], ("0", "1", "2"))
    assert data.train_filenames == ("7", "9", "11")
    named = load(tmp_path, suffix, train, test, class_names=["no", "yes", "maybe"])
    assert (named.train_labels.tolist(), named.class_names) == ([1, 0, 2], ("no", "yes", "maybe"))
    assert named.fingerprint == data.fingerprint  # a name changes no result
    reordered = load(tmp_path, suffix, train, test, class_names=["2", "1", "0"])
    assert reordered.train_labels.tolist() == [1, 2, 0]


def test_everything_that_a_trainer_may_use_is_in_the_fingerprint(tmp_path: Path) -> None:
    images = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3)
    changes: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        (TRAIN, TEST, {}),
        (TRAIN, TEST, {"version": "2"}),
        (TRAIN, TEST, {"text": "text"}),
        (TRAIN | {"id": ["a b", "007", "ü", "NA"]}, TEST, {}),
        (TRAIN | {"label": ["ham", "ham", "spam", "NA"]}, TEST, {}),
        (TRAIN, TEST | {"id": ["8", "007"]}, {}),
        (TRAIN, TEST | {"label": ["NA", "NA"]}, {}),
        (TRAIN | {"text": ["a", "", "", "x"]}, TEST, {"text": "text"}),
        (TRAIN | {"text": ["", "a", "", "x"]}, TEST, {"text": "text"}),
        (TRAIN | {"image": images}, TEST | {"image": images[:2]}, {"image": "image"}),
        (TRAIN | {"image": images + 1}, TEST | {"image": images[:2]}, {"image": "image"}),
    ]
    prints = [load(tmp_path, ".npz", train, test, **params).fingerprint for train, test, params in changes]
    assert len(set(prints)) == len(changes)
    assert fingerprint(tmp_path) == prints[0]


def test_images_of_an_npz(tmp_path: Path) -> None:
    images = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3)
    data = load(tmp_path, ".npz", TRAIN | {"image": images}, TEST | {"image": images[:2]}, image="image")
    assert (data.image_shape, data.images.train.dtype) == ((2, 3, 1), np.uint8)
    np.testing.assert_array_equal(data.images.train[..., 0], images)


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
@pytest.mark.parametrize(
    ("train", "test", "params", "message"),
    [
        ({"id": ["a", "b", "a", "c"]}, {}, {}, "train id 'a' is at positions 0 and 2, expected each id once"),
        ({}, {"id": ["b", "b"]}, {}, "test id 'b' is at positions 0 and 1"),
        ({"id": ["a", "", "c", "d"]}, {}, {}, "train id at position 1 is ''"),
        ({"id": ["a", "b\n", "c", "d"]}, {}, {}, r"train id at position 1 is 'b\n'"),
        ({"label": ["a", "", "a", "b"]}, {}, {}, "position 1 (id 'a b') is empty, expected a label"),
        ({}, {"label": ["NA", "spa"]}, {}, "(id '8') is 'spa', expected a class of the training part (NA, ham, spam)"),
        ({}, {}, {"class_names": ["spam", "ham"]}, "position 3 (id 'NA') is 'NA', expected one of data.class_names"),
        ({}, {}, {"class_names": ["spam", "ham", "NA", "eggs"]}, "class 3 ('eggs') has no training example"),
        ({}, {}, {"class_names": ["spam", "spam"]}, "data.class_names has 2 names, of which 1 differ"),
        ({"label": [1, 2, 3, 1]}, {}, {}, "position 2 (id 'ü') is 3, expected a number from 0 to 2"),
        ({"label": [0, -1, 1, 1]}, {}, {}, "position 1 (id 'a b') is -1, expected a number from 0 to 2"),
        ({"label": [0, 2, 2, 0]}, {}, {"class_names": ["a", "b", "c"]}, "has no 1, expected a training example of"),
        (
            {"label": [0, 1, 1, 0]},
            {"label": [0, 2]},
            {},
            "(id '8') is '2', expected a class of the training part (0, 1)",
        ),
    ],
)
def test_bad_tables(
    suffix: str, train: dict[str, Any], test: dict[str, Any], params: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as refused:
        load(tmp_path, suffix, TRAIN | train, TEST | test, **params)
    assert message in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("train", "params", "message"),
    [
        ({"label": [0.0, 1.0, 1.0, 0.0]}, {}, "label is double, expected text or integers"),
        ({"label": [None, "a", "b", "a"]}, {}, "label is null at position 0"),
        ({"id": ["a", "b", None, "d"]}, {}, "id is null at position 2"),
        ({"text": ["a", None, "c", "d"]}, {"text": "text"}, "text is null at position 1"),
        ({"label": pa.array(["spam", "ham", "spam", None]).dictionary_encode()}, {}, "label is null at position 3"),
        ({}, {"image": "image"}, "has no images, expected an npz where data.image is given"),
    ],
)
def test_bad_columns_of_parquet(train: dict[str, Any], params: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Data set cannot be") as refused:
        load(tmp_path, ".parquet", TRAIN | train, TEST, **params)
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("train", "params", "message"),
    [
        ({"label": np.eye(4)}, {}, "label is float64 (4, 4), expected text or integers (n,)"),
        ({"label": np.array(["a", None, "b", "b"], dtype=object)}, {}, "pickled"),
        ({"id": np.array(["a", "b"])}, {}, "have the lengths {'label': 4, 'id': 2}, expected one length"),
        ({"image": np.zeros((4, 2, 2))}, {"image": "image"}, "image is float64, expected uint8"),
        ({"image": np.zeros((3, 2, 2), np.uint8)}, {"image": "image"}, "train labels are (4,) for 3 images"),
        ({"image": np.zeros((4, 2, 5), np.uint8)}, {"image": "image"}, "test images are (2, 2, 1), expected (2, 5, 1)"),
        ({"image": np.zeros((4, 0, 2), np.uint8)}, {"image": "image"}, "train images are uint8 (4, 0, 2, 1)"),
    ],
)
def test_bad_arrays_of_npz(train: dict[str, Any], params: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        load(tmp_path, ".npz", TRAIN | train, TEST | {"image": np.zeros((2, 2, 2), np.uint8)}, **params)
    assert message in refused.value.message


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
@pytest.mark.parametrize("key", ["label", "id", "text"])
def test_a_column_that_is_not_there(suffix: str, key: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        load(tmp_path, suffix, TRAIN, TEST, **{key: "absent"})
    got = "['feature', 'id', 'label', 'text'], expected absent among them"
    columns = "has 0 columns 'absent' (id, label, text, feature), expected one"
    assert (got if suffix == ".npz" else columns) in refused.value.message


def test_bad_files(tmp_path: Path) -> None:
    good = write(tmp_path / "test.csv", TEST)

    def refusal(path: Path) -> MempipeError:
        with pytest.raises(DataError) as refused:
            load_dataset(Component.model_validate({"name": "labels", "train": str(path), "test": str(good)}))
        return refused.value

    missing = refusal(tmp_path / "train.csv")
    assert "train.csv is missing" in missing.message
    assert missing.hint == "correct data.train in the spec."
    assert "ends in .tsv, expected one of .npz, .csv, .parquet" in refusal(write(tmp_path / "train.tsv", TRAIN)).message
    for suffix in (".npz", ".csv", ".parquet"):
        for content in (b"", b"\xff\xfe\x00", b"id,label\n1,2,3\n"):
            path = tmp_path / f"broken{suffix}"
            path.write_bytes(content)
            assert f"broken{suffix}" in refusal(path).message
    empty = tmp_path / "empty.csv"
    empty.write_text("id,label\n")
    assert "empty.csv has no rows, expected at least one example" in refusal(empty).message
    twice = tmp_path / "twice.csv"
    twice.write_text("id,label,label\na,b,c\n")
    assert "has 2 columns 'label'" in refusal(twice).message
