"""The authors' files: names, keys, types, axis order and values, as plain numpy reads them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mempipe.release.formats import pairs_file
from mempipe.release.manifest import Manifest, Thresholds
from mempipe.release.write import write_release
from mempipe.scores.tally import Scope
from tests.release.world import ALWAYS_SEEN, INFLUENCED, MEMORIZED, NEVER_SEEN, World


def read(path: Path) -> dict[str, NDArray[np.generic]]:
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


def two_loops(world: World, i: int, correct: NDArray[np.bool_]) -> float:
    """Algorithm 1, written out for one training example and one column of predictions."""
    seen = [float(c) for c, m in zip(correct, world.mask[:, i], strict=True) if m]
    unseen = [float(c) for c, m in zip(correct, world.mask[:, i], strict=True) if not m]
    return sum(seen) / len(seen) - sum(unseen) / len(unseen) if seen and unseen else float("nan")


@pytest.mark.parametrize("scope", [Scope.CLASS, Scope.FULL])
@pytest.mark.parametrize("rows", [None, 4])
def test_matrix_file(world: World, tmp_path: Path, scope: Scope, rows: int | None) -> None:
    write_release(world.content(scope=scope, rows=rows), tmp_path)
    arrays = read(tmp_path / "tiny_infl_matrix.npz")
    expected = ["tr_labels", "tt_labels", "tr_mem"]
    for label in range(4):
        expected += [f"tr_classidx_{label}", f"tt_classidx_{label}", f"infl_matrix_class{label}"]
    assert list(arrays) == expected
    mem = np.array([two_loops(world, i, world.train[:, i]) for i in range(len(world.train_labels))])
    assert (arrays["tr_labels"].dtype, arrays["tt_labels"].dtype, arrays["tr_mem"].dtype) == (
        np.int64,
        np.int64,
        np.float64,
    )
    np.testing.assert_array_equal(arrays["tr_labels"], world.train_labels)
    np.testing.assert_array_equal(arrays["tt_labels"], world.test_labels)
    np.testing.assert_array_equal(arrays["tr_mem"], mem)
    assert mem[MEMORIZED] == 1
    assert np.isnan(mem[[ALWAYS_SEEN, NEVER_SEEN]]).all()
    for label in range(4):
        tr, tt = np.flatnonzero(world.train_labels == label), np.flatnonzero(world.test_labels == label)
        infl = arrays[f"infl_matrix_class{label}"]
        assert infl.dtype == np.float32
        assert arrays[f"tr_classidx_{label}"].dtype == arrays[f"tt_classidx_{label}"].dtype == np.int64
        np.testing.assert_array_equal(arrays[f"tr_classidx_{label}"], tr)
        np.testing.assert_array_equal(arrays[f"tt_classidx_{label}"], tt)
        oracle = np.array([[two_loops(world, i, world.test[:, j]) for j in tt] for i in tr]).reshape(len(tr), len(tt))
        np.testing.assert_array_equal(infl, oracle.astype(np.float32))


def test_pairs_file(world: World, tmp_path: Path) -> None:
    write_release(world.content(), tmp_path)
    arrays = read(tmp_path / "tiny_high_infl_pairs_infl0.15_mem0.25.npz")
    assert {name: array.dtype for name, array in arrays.items()} == {
        "tr_idx": np.int64,
        "tt_idx": np.int64,
        "infl": np.float64,
        "mem": np.float64,
    }
    selected = {
        (i, j)
        for i in np.flatnonzero(read(tmp_path / "tiny_infl_matrix.npz")["tr_mem"] >= 0.25)
        for j in range(len(world.test_labels))
        if world.train_labels[i] == world.test_labels[j] and two_loops(world, i, world.test[:, j]) >= 0.15
    }
    assert set(zip(arrays["tr_idx"].tolist(), arrays["tt_idx"].tolist(), strict=True)) == selected
    assert (MEMORIZED, INFLUENCED) in selected
    assert (arrays["infl"][0], arrays["mem"][0]) == (1.0, 1.0)
    assert (np.diff(arrays["infl"]) <= 0).all()


def test_pairs_file_is_named_by_its_thresholds(world: World, tmp_path: Path) -> None:
    manifest = write_release(world.content(thresholds=Thresholds(mem=0.5, infl=0.1)), tmp_path)
    assert (tmp_path / "tiny_high_infl_pairs_infl0.1_mem0.5.npz").is_file()
    assert "tiny_high_infl_pairs_infl0.1_mem0.5.npz" in {file.path for file in manifest.files}
    assert pairs_file("mnist", infl=0.15, mem=0.25) == "mnist_high_infl_pairs_infl0.15_mem0.25.npz"


def test_index_file_of_an_image_folder(world: World, tmp_path: Path) -> None:
    train_names = [f"train/käse_{i}.png" for i in range(len(world.train_labels))]
    test_names = [f"val/{j}.png" for j in range(len(world.test_labels))]
    write_release(world.content(train_filenames=train_names, test_filenames=test_names), tmp_path)
    arrays = read(tmp_path / "tiny_index.npz")
    assert set(arrays) == {"tr_filenames", "tr_labels", "tt_filenames", "tt_labels", "tr_mem"}
    assert (arrays["tr_filenames"].dtype.kind, arrays["tt_filenames"].dtype.kind) == ("S", "S")
    assert [name.decode() for name in arrays["tr_filenames"].tolist()] == train_names
    assert (arrays["tr_mem"].dtype, arrays["tr_labels"].dtype) == (np.float64, np.int64)


def test_no_index_file_without_file_names(local_release: tuple[Path, Manifest]) -> None:
    assert not (local_release[0] / "tiny_index.npz").exists()
