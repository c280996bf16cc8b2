"""Writing a release: what the manifest says, the same bytes again, and what is refused."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mempipe.errors import EmptyTallyError, ExpectationError, InputError, TallyError
from mempipe.places import MANIFEST
from mempipe.release.manifest import Manifest, Thresholds
from mempipe.release.subset_design import SubsetDesign
from mempipe.release.write import lemma_bound, write_release
from mempipe.scores.estimate import lemma_2_1_bound
from mempipe.scores.tally import ExampleTally, Scope
from tests.release.world import CREATED, World


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_manifest_tells_what_the_release_is(local_release: tuple[Path, Manifest], world: World) -> None:
    folder, manifest = local_release
    assert Manifest.from_json((folder / MANIFEST).read_bytes(), source="x") == manifest
    assert manifest.id == f"tiny-ab12ab12ab12-t40-{manifest.content_digest[:12]}"
    assert (manifest.n_trials, manifest.n_train, manifest.n_test, manifest.n_classes) == (40, 41, 23, 4)
    assert (manifest.influence, manifest.standard_error, manifest.key_kind) == ("class", "agresti-caffo", "run")
    assert (manifest.thresholds.mem, manifest.thresholds.infl) == (0.25, 0.15)
    assert (manifest.created, manifest.spec) == (CREATED, {"model": {"name": "mlp"}, "recipe": {"epochs": 3}})
    assert {"python", "numpy", "pyarrow", "mempipe"} <= set(manifest.software)
    assert manifest.accuracies.test == pytest.approx(world.test.mean(), abs=1e-15)
    assert manifest.accuracies.train_seen == pytest.approx(world.train[world.mask].mean(), abs=1e-15)
    assert manifest.accuracies.train_held_out == pytest.approx(world.train[~world.mask].mean(), abs=1e-15)


def test_manifest_lists_every_other_file(local_release: tuple[Path, Manifest]) -> None:
    folder, manifest = local_release
    content = bytes_of(folder)
    assert {file.path for file in manifest.files} == set(content) - {MANIFEST}
    for file in manifest.files:
        assert (file.sha256, file.bytes) == (hashlib.sha256(content[file.path]).hexdigest(), len(content[file.path]))


def test_undefined_cells_are_counted(local_release: tuple[Path, Manifest], world: World, tmp_path: Path) -> None:
    # Train 3 is of class 0 with 12 test examples, train 4 of class 1 with 11.
    assert local_release[1].undefined.model_dump() == {"examples": 2, "pairs": 12 + 11}
    full = write_release(world.content(scope=Scope.FULL), tmp_path)
    assert full.undefined.model_dump() == {"examples": 2, "pairs": 2 * 23}
    with np.load(local_release[0] / "tiny_infl_matrix.npz") as archive:
        n_nan = sum(int(np.isnan(archive[f"infl_matrix_class{label}"]).sum()) for label in range(4))
        assert int(np.isnan(archive["tr_mem"]).sum()) == 2
    assert n_nan == local_release[1].undefined.pairs


def test_pair_statistics(local_release: tuple[Path, Manifest]) -> None:
    with np.load(local_release[0] / "tiny_high_infl_pairs_infl0.15_mem0.25.npz") as archive:
        tr_idx, tt_idx = archive["tr_idx"], archive["tt_idx"]
    tests, times = np.unique(tt_idx, return_counts=True)
    pairs = local_release[1].pairs
    assert (pairs.n_pairs, pairs.n_train, pairs.n_test) == (len(tr_idx), len(set(tr_idx.tolist())), len(tests))
    assert (pairs.test_share, pairs.n_test_single) == (len(tests) / 23, int((times == 1).sum()))


def test_same_content_gives_the_same_bytes(world: World, local_release: tuple[Path, Manifest], tmp_path: Path) -> None:
    write_release(world.content(rows=7), tmp_path)
    assert bytes_of(tmp_path) == bytes_of(local_release[0])
    write_release(world.content(rows=2), tmp_path)  # again, over what is there
    assert bytes_of(tmp_path) == bytes_of(local_release[0])


def test_blocks_are_asked_for_once(world: World, tmp_path: Path) -> None:
    calls = []

    def blocks() -> Any:
        calls.append(1)
        return world.blocks()

    write_release(world.content(blocks=blocks), tmp_path)
    assert calls == [1]


def test_check_sees_the_tables_before_the_manifest(world: World, tmp_path: Path) -> None:
    seen: dict[str, pa.Table] = {}

    def check(tables: Any) -> dict[str, Any]:
        assert not (tmp_path / MANIFEST).exists()
        seen.update(tables)
        return {"success": True, "data_docs": "validation/x/index.html"}

    manifest = write_release(world.content(), tmp_path, check=check)
    assert set(seen) == {"examples", "test_examples", "pairs", "classes", "trials"}
    assert manifest.validation == {"success": True, "data_docs": "validation/x/index.html"}

    def refuse(tables: Any) -> dict[str, Any]:
        raise ExpectationError("Tables must not be published.", hint="look.")

    with pytest.raises(ExpectationError):
        write_release(world.content(), tmp_path, check=refuse)
    assert not (tmp_path / MANIFEST).exists()


@pytest.mark.parametrize(
    ("design", "note"),
    [
        (SubsetDesign(design="balanced", ratio="0.7"), "not applicable: the trials of a balanced design"),
        (SubsetDesign(design="unknown", ratio="0.7"), "not applicable: how the subsets were drawn"),
        (SubsetDesign(design="uniform"), "not applicable: the subset ratio"),
    ],
)
def test_lemma_is_not_stretched(design: SubsetDesign, note: str) -> None:
    bound = lemma_bound(design, 4000)
    assert (bound.mean_squared_error, bound.root_mean_squared_error) == (None, None)
    assert bound.note.startswith(note)


def test_lemma_of_the_uniform_design() -> None:
    bound = lemma_bound(SubsetDesign(design="uniform", ratio="0.7"), 4000)
    assert bound.mean_squared_error == lemma_2_1_bound(4000, 0.7)
    assert bound.root_mean_squared_error == pytest.approx(0.0345, abs=1e-4)  # sqrt(1/1200 + 1/2800)


def test_nothing_at_all_above_the_thresholds(world: World, tmp_path: Path) -> None:
    manifest = write_release(world.content(thresholds=Thresholds(mem=1, infl=1), name="none"), tmp_path)
    assert manifest.pairs.n_pairs == 1  # the planted pair is exactly 1
    quiet = World(world.mask, world.train | True, world.test | True, world.train_labels, world.test_labels)
    manifest = write_release(quiet.content(name="quiet"), tmp_path / "quiet")
    assert manifest.pairs.model_dump() == {
        "n_pairs": 0,
        "n_train": 0,
        "n_test": 0,
        "test_share": 0.0,
        "n_test_single": 0,
    }


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"name": "Not allowed"}, InputError, "name is 'Not allowed'"),
        ({"class_names": ("zero", "one")}, InputError, "train labels are from 0 to 2, expected 0 to 1"),
        ({"train_filenames": ["a"]}, InputError, "train file names are 1, expected 41"),
        ({"train_filenames": ["a"] * 41}, InputError, "file names are given for one part"),
        ({"trials": pa.table({"trial": [0]})}, InputError, "table of trials has 1 rows, expected 40"),
        (
            {"thresholds": Thresholds(same_label=False)},
            InputError,
            "thresholds.same_label is False with counts by class, expected True",
        ),
        ({"train_labels": np.zeros(3, dtype=np.int64)}, TallyError, r"train labels are int64 \(3,\)"),
        ({"test_labels": np.zeros(23, dtype=np.int32)}, TallyError, "test labels are int32"),
        ({"examples": ExampleTally.empty(41, 23)}, EmptyTallyError, "n_trials is 0"),
    ],
)
def test_bad_content_is_refused_before_anything_is_written(
    world: World, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        world.content(**change)


def test_all_pairs_of_any_label(world: World, tmp_path: Path) -> None:
    content = world.content(scope=Scope.FULL, thresholds=Thresholds(same_label=False))
    manifest = write_release(content, tmp_path)
    same = write_release(world.content(scope=Scope.FULL), tmp_path / "same")
    assert manifest.pairs.n_pairs > same.pairs.n_pairs
