"""Reading a release: arrays, questions at any thresholds, and damage."""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import mempipe
from mempipe.errors import InputError, ReleaseError, ReleaseQuestionError, StoreUnavailableError
from mempipe.places import LATEST, MANIFEST
from mempipe.release.load import Release, load_release
from mempipe.release.manifest import Manifest
from mempipe.release.publish import publish_release
from mempipe.release.write import write_release
from mempipe.scores.estimate import difference_standard_error
from mempipe.scores.tally import Scope
from mempipe.storage.memory import MemoryStore
from mempipe.tables.parquet import has_values
from mempipe.tables.schema import TABLES
from tests.release.stores import BrokenStore
from tests.release.test_authors_format import two_loops
from tests.release.world import ALWAYS_SEEN, MEMORIZED, NEVER_SEEN, World


@pytest.fixture(scope="module")
def full(world: World, tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("full")
    write_release(world.content(scope=Scope.FULL), folder)
    return load_release(folder)


@pytest.fixture
def damaged(local_release: tuple[Path, Manifest], tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(local_release[0], tmp_path / "copy"))


def test_round_trip(local_release: tuple[Path, Manifest], world: World) -> None:
    release = mempipe.load_release(local_release[0])
    assert isinstance(release, mempipe.Release)
    assert (release.manifest, release.uri) == (local_release[1], str(local_release[0]))
    assert repr(release) == f"Release({str(local_release[0])!r}: 40 trials, 41 training examples)"
    for name in ("examples", "test_examples", "pairs", "classes", "trials"):
        stored, table = pq.read_table(local_release[0] / f"{name}.parquet"), getattr(release, name)
        assert table.select(stored.column_names).equals(stored)
        assert all(column.name in stored.column_names or not has_values(table, column.name) for column in TABLES[name])
        assert table.column_names == [column.name for column in TABLES[name]]
        assert getattr(release, name) is getattr(release, name)
    assert (release.mem.dtype, release.mem_se.dtype, release.labels.dtype) == (np.float64, np.float64, np.int64)
    oracle = [two_loops(world, i, world.train[:, i]) for i in range(41)]
    np.testing.assert_array_equal(release.mem, oracle)
    assert np.isnan(release.mem_se[[ALWAYS_SEEN, NEVER_SEEN]]).all()
    np.testing.assert_array_equal(release.labels, world.train_labels)
    assert isinstance(release.examples.to_pandas(), pd.DataFrame)
    release.verify()


@pytest.mark.parametrize("scope", [Scope.CLASS, Scope.FULL])
def test_influence(local_release: tuple[Path, Manifest], full: Release, world: World, scope: Scope) -> None:
    release = load_release(local_release[0]) if scope is Scope.CLASS else full
    for label in range(4):
        matrix = release.influence(label)
        np.testing.assert_array_equal(matrix.tr_idx, np.flatnonzero(world.train_labels == label))
        np.testing.assert_array_equal(matrix.tt_idx, np.flatnonzero(world.test_labels == label))
        oracle = [[two_loops(world, i, world.test[:, j]) for j in matrix.tt_idx] for i in matrix.tr_idx]
        assert matrix.infl.dtype == np.float64
        np.testing.assert_array_equal(matrix.infl, np.reshape(oracle, matrix.infl.shape))
        error = release.influence_standard_error(label)
        assert error.shape == matrix.infl.shape
        np.testing.assert_array_equal(np.isnan(error), np.isnan(matrix.infl))


def test_influence_on_all_tests(full: Release, world: World) -> None:
    matrix = full.influence(1, same_label=False)
    assert matrix.infl.shape == (14, 23)
    assert matrix.infl[2, 5] == two_loops(world, int(matrix.tr_idx[2]), world.test[:, 5])
    full.verify()


def test_standard_errors_of_pairs_are_those_of_their_counts(local_release: tuple[Path, Manifest]) -> None:
    pairs = load_release(local_release[0]).pairs.to_pandas()
    expected = difference_standard_error(*(pairs[c].to_numpy() for c in ("correct_in", "n_in", "correct_out", "n_out")))
    np.testing.assert_array_equal(pairs["infl_se"], expected)


@pytest.mark.parametrize(
    ("mem", "infl"), [(0.25, 0.15), (0.3, 0.2), (0.0, 0.15), (0.0, 0.1), (-1, -1), (0.25, 0.1), (1, 1)]
)
def test_pairs_at_any_thresholds(
    local_release: tuple[Path, Manifest], full: Release, world: World, mem: float, infl: float
) -> None:
    pairs = load_release(local_release[0]).select_pairs(mem=mem, infl=infl)
    assert pairs.equals(full.select_pairs(mem=mem, infl=infl))
    expected = [
        (i, j)
        for i in range(41)
        for j in range(23)
        if world.train_labels[i] == world.test_labels[j]
        and two_loops(world, i, world.train[:, i]) >= mem
        and two_loops(world, i, world.test[:, j]) >= infl
    ]
    assert sorted(zip(pairs["tr_idx"].to_pylist(), pairs["tt_idx"].to_pylist(), strict=True)) == expected
    rows = [(-row["infl"], row["tr_idx"], row["tt_idx"]) for row in pairs.to_pylist()]
    assert rows == sorted(rows)


def test_the_recorded_thresholds_give_the_recorded_pairs(local_release: tuple[Path, Manifest]) -> None:
    release = load_release(local_release[0])
    assert release.select_pairs().equals(release.pairs)
    recomputed = release.select_pairs(mem=0.25, infl=-1)
    assert recomputed.filter(recomputed["infl"].to_numpy() >= 0.15).equals(release.pairs)


def test_pairs_of_any_label(full: Release) -> None:
    pairs = full.select_pairs(same_label=False).to_pandas()
    assert (pairs["label"] != pairs["tt_label"]).any()
    same = pairs[pairs["label"] == pairs["tt_label"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, full.pairs.to_pandas())


def test_questions_that_counts_by_class_cannot_answer(local_release: tuple[Path, Manifest]) -> None:
    release = load_release(local_release[0])
    for ask in (
        lambda: release.select_pairs(same_label=False),
        lambda: release.influence(0, same_label=False),
        lambda: release.influence_standard_error(0, same_label=False),
    ):
        with pytest.raises(ReleaseQuestionError, match="influence is 'class', expected 'full'") as caught:
            ask()
        assert "influence: full" in caught.value.hint
    for label in (-1, 4):
        with pytest.raises(ReleaseQuestionError, match=f"label is {label}, expected 0 to 3"):
            release.influence(label)
    for wrong in ({"mem": 2.0}, {"infl": float("nan")}):
        with pytest.raises(InputError, match="expected a number in"):
            release.select_pairs(**wrong)


def test_remote_release_is_fetched_file_by_file(local_release: tuple[Path, Manifest]) -> None:
    name = uuid.uuid4().hex
    publish_release(MemoryStore(name), "", *local_release)
    release = load_release(f"memory://{name}")
    assert release.mem[MEMORIZED] == 1
    folder = release._files._scratch
    assert folder is not None
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["examples.parquet"]
    release.verify()
    del release
    assert not folder.exists()


def test_no_release(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "absent", f"memory://{uuid.uuid4().hex}"):
        with pytest.raises(ReleaseError, match=r"has neither manifest\.json nor latest\.json"):
            load_release(place)
    (tmp_path / LATEST).write_text("{}")
    with pytest.raises(ReleaseError, match=r"latest\.json is damaged"):
        load_release(tmp_path)
    latest = {"release": "gone", "key": "k", "content_digest": "d", "n_trials": 1, "created": "2026-01-01T00:00:00Z"}
    (tmp_path / LATEST).write_text(json.dumps(latest))
    with pytest.raises(ReleaseError, match=r"gone has no manifest\.json"):
        load_release(tmp_path)


def test_fault_of_the_store_is_not_a_missing_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mempipe.release.load.open_store", lambda uri: BrokenStore(uri))
    with pytest.raises(StoreUnavailableError):
        load_release("anything")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": "one"}, r"is damaged \(schema_version: "),
        ({"n_trials": "many"}, r"is damaged \(n_trials: "),
    ],
)
def test_damaged_manifest(damaged: Path, change: dict[str, Any], message: str) -> None:
    document = json.loads((damaged / MANIFEST).read_text()) | change
    (damaged / MANIFEST).write_text(json.dumps(document))
    with pytest.raises(ReleaseError, match=message):
        load_release(damaged)
    (damaged / MANIFEST).write_text(json.dumps(document)[:-30])
    with pytest.raises(ReleaseError, match="damaged"):
        load_release(damaged)


def test_verify_notices_every_missing_and_every_changed_file(
    local_release: tuple[Path, Manifest], damaged: Path
) -> None:
    for entry in local_release[1].files:
        path = damaged / entry.path
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(ReleaseError, match=f"{entry.path} SHA-256 is"):
            load_release(damaged).verify()
        path.unlink()
        with pytest.raises(ReleaseError, match=f"{entry.path} does not exist"):
            load_release(damaged).verify()
        path.write_bytes(content)
    load_release(damaged).verify()


def test_verify_notices_exchanged_content(world: World, damaged: Path, tmp_path: Path) -> None:
    other = write_release(world.part(0, 30).content(), tmp_path / "other")
    shutil.copy(tmp_path / "other" / "trials.parquet", damaged / "trials.parquet")
    document = json.loads((damaged / MANIFEST).read_text())
    entry = next(file for file in other.files if file.path == "trials.parquet")
    document["files"] = [file if file["path"] != "trials.parquet" else entry.model_dump() for file in document["files"]]
    (damaged / MANIFEST).write_text(json.dumps(document))
    with pytest.raises(ReleaseError, match=r"contradicts itself.*\(trials differ\)"):
        load_release(damaged).verify()


def test_damaged_file_is_named_when_it_is_read(damaged: Path) -> None:
    for name in ("pairs.parquet", "tallies/examples.npz", "tallies/blocks-00000.npz"):
        (damaged / name).write_bytes(b"no")
    release = load_release(damaged)
    with pytest.raises(ReleaseError, match=r"pairs\.parquet"):
        _ = release.pairs
    with pytest.raises(ReleaseError, match=r"tallies/examples\.npz"):
        release.influence(0)


def test_a_manifest_cannot_point_outside(damaged: Path) -> None:
    document = json.loads((damaged / MANIFEST).read_text())
    document["files"][0]["path"] = "../outside"
    (damaged / MANIFEST).write_text(json.dumps(document))
    with pytest.raises(mempipe.errors.MempipeError, match="not allowed"):
        load_release(damaged).verify()
