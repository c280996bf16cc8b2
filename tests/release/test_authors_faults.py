"""What is wrong with the authors' files is named: damage, truncation, files of different scores."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mempipe.errors import InputError, ReleaseError
from tests.release.authors import INDEX, MATRIX, PAIRS, Copied, change, open_authors


@pytest.mark.parametrize(
    ("file", "arrays", "message"),
    [
        (MATRIX, {"tr_mem": None}, "has no array tr_mem"),
        (MATRIX, {"tr_mem": np.zeros(3)}, r"tr_mem is \(3,\), expected \(41,\)"),
        (MATRIX, {"tr_mem": np.zeros(41, dtype=int)}, "expected floats"),
        (MATRIX, {"tr_labels": np.zeros(41)}, "expected integers"),
        (MATRIX, {"tt_labels": np.full(23, -1)}, "tt_labels has -1"),
        (MATRIX, {"tt_labels": np.full(23, 2**40)}, "tt_labels has 1099511627776"),
        (MATRIX, {"tr_labels": np.array([object()])}, "tr_labels cannot be read"),
        (MATRIX, {"tr_classidx_1": None}, "has no array tr_classidx_1"),
        (MATRIX, {"tr_classidx_1": np.arange(14)}, "expected the 14 of label 1"),
        (MATRIX, {"tt_classidx_0": np.arange(99)}, "expected the 12 of label 0"),
        (MATRIX, {"infl_matrix_class1": np.zeros((11, 14), dtype=np.float32)}, r"\(11, 14\), expected floats"),
        (MATRIX, {"infl_matrix_class1": None}, "has no array infl_matrix_class1"),
        (PAIRS, {"infl": None}, "has no array infl"),
        (PAIRS, {"tr_idx": np.arange(1)}, "expected equally many"),
        (PAIRS, {"tr_idx": np.zeros((2, 2), dtype=int)}, r"expected integers \(n,\)"),
        (INDEX, {"tr_filenames": np.array([b"x"])}, r"tr_filenames is \(1,\), expected \(41,\)"),
        (INDEX, {"tt_filenames": np.arange(23)}, "expected names"),
    ],
)
def test_damaged_files_are_named(copied: Copied, file: str, arrays: dict[str, Any], message: str) -> None:
    folder = copied(MATRIX) if file == MATRIX else copied(MATRIX, file)
    change(folder / file, **arrays)
    with pytest.raises(ReleaseError, match=message) as caught:
        read_all(folder)
    assert str(folder / file) in caught.value.message


@pytest.mark.parametrize("file", [MATRIX, PAIRS, INDEX])
def test_truncated_and_changed_files_are_named(copied: Copied, file: str) -> None:
    folder = copied(file)
    whole = (folder / file).read_bytes()
    middle = len(whole) // 2
    for content in (whole[:-200], b"", b"no npz", whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]):
        (folder / file).write_bytes(content)
        with pytest.raises(ReleaseError, match=file):
            read_all(folder)


@pytest.mark.parametrize(
    ("file", "arrays", "message"),
    [
        (PAIRS, {"mem": 0.5}, "mem of training example"),
        (PAIRS, {"tr_idx": 41}, "tr_idx has 41, expected below 41"),
        (PAIRS, {"tt_idx": 23}, "tt_idx has 23, expected below 23"),
        (INDEX, {"tr_mem": 0.5}, "tr_mem is another than in"),
        (INDEX, {"tt_labels": 0}, "tt_labels is another than in"),
    ],
)
def test_files_of_different_scores_are_refused(
    copied: Copied, file: str, arrays: dict[str, float], message: str
) -> None:
    folder = copied(MATRIX, file)
    with np.load(folder / file) as archive:
        changed = {name: np.full_like(archive[name], value) for name, value in arrays.items()}
    change(folder / file, **changed)
    with pytest.raises(InputError, match=message) as caught:
        read_all(folder)
    assert "one folder" in caught.value.hint


def read_all(folder: Path) -> None:
    files = open_authors(folder)
    if "index" in files.paths:
        assert files.examples.num_rows + files.test_examples.num_rows
    if "pairs" in files.paths:
        assert files.pairs.num_columns
    if "matrix" in files.paths:
        files.select_pairs(mem=-1, infl=-1)
