"""A folder with only the authors' files answers as the release that they are of, at the precision of the files."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mempipe.errors import InputError, ReleaseQuestionError
from mempipe.experiments.histogram import edges_between
from mempipe.experiments.kinds import pairs as pairs_experiment
from mempipe.release.authors_arrays import shortest_decimals
from mempipe.release.load import Release
from mempipe.release.manifest import Thresholds
from mempipe.release.open_scores import find_authors_files
from mempipe.release.write import write_release
from mempipe.scores.pairs import pair_statistics
from tests.release.authors import INDEX, MATRIX, PAIRS, Copied, change, open_authors
from tests.release.world import ALWAYS_SEEN, NEVER_SEEN, World


@pytest.mark.parametrize(("mem", "infl"), [(0.25, 0.15), (0.1, 0.05), (0.0, 0.123), (-1, -1), (0.5, 0.3), (1, 1)])
@pytest.mark.parametrize("names", [(MATRIX,), (MATRIX, PAIRS), (MATRIX, PAIRS, INDEX)])
def test_pairs_are_those_of_the_release(
    release: Release, copied: Copied, names: tuple[str, ...], mem: float, infl: float
) -> None:
    files = open_authors(copied(*names))
    got, expected = files.select_pairs(mem=mem, infl=infl), release.select_pairs(mem=mem, infl=infl)
    assert (got.schema.names, got.schema.types) == (expected.schema.names, expected.schema.types)
    assert files.known(got).column_names == ["tr_idx", "tt_idx", "label", "tt_label", "infl", "mem"]
    assert {got[name].null_count for name in files.unknown & set(got.column_names)} == {got.num_rows}
    got, expected = (table.to_pandas().set_index(["tr_idx", "tt_idx"]) for table in (got, expected))
    assert got["infl"].is_monotonic_decreasing
    exact = PAIRS in names and mem >= 0.25 and infl >= 0.15
    if not exact:  # a matrix's float32 does not tell the threshold from what is hardly below it
        lower = release.select_pairs(mem=mem, infl=max(-1, infl - 1e-9)).to_pandas().set_index(["tr_idx", "tt_idx"])
        assert set(expected.index) <= set(lower.index)
        expected = lower
    assert sorted(got.index) == sorted(expected.index)
    expected = expected.loc[got.index]
    if exact:
        np.testing.assert_array_equal(got["infl"], expected["infl"])
    np.testing.assert_array_equal(got["infl"].astype(np.float32), expected["infl"].astype(np.float32))
    for column in ("mem", "label", "tt_label"):
        np.testing.assert_array_equal(got[column], expected[column])


@pytest.mark.parametrize("names", [(MATRIX,), (PAIRS,), (PAIRS, INDEX)])
def test_statistics_and_figure_3_are_those_of_the_experiment(
    release: Release, copied: Copied, names: tuple[str, ...]
) -> None:
    """Section 3.3 and the 17 bins of Figure 3, at the paper's thresholds."""
    pairs = open_authors(copied(*names)).select_pairs()
    statistics = pair_statistics(pairs["tr_idx"].to_numpy(), pairs["tt_idx"].to_numpy(), 23)
    assert statistics.n_pairs > 1
    for field, value in release.manifest.pairs.model_dump().items():
        assert getattr(statistics, field) == value
    experiment = pairs_experiment.find(release, pairs_experiment.Params(), [])
    counts = np.histogram(pairs["infl"].to_numpy(), bins=edges_between(0.15, 1, 0.05))[0]
    assert counts.size == 17
    assert tuple(counts.tolist()) == experiment.tables["histogram"].columns["count"].values


@pytest.mark.parametrize("names", [(MATRIX,), (INDEX,), (MATRIX, PAIRS, INDEX)])
def test_tables_and_arrays_are_those_of_the_release(release: Release, copied: Copied, names: tuple[str, ...]) -> None:
    files = open_authors(copied(*names))
    assert (files.name, files.thresholds, files.n_trials) == ("tiny", Thresholds(), None)
    assert np.isnan(files.mem[[ALWAYS_SEEN, NEVER_SEEN]]).all()
    assert np.isnan(files.mem_se).all()
    for array in ("mem", "labels", "test_labels"):
        np.testing.assert_array_equal(getattr(files, array), getattr(release, array))
    assert (files.n_train, files.n_test, files.class_names) == (41, 23, ["0", "1", "2"])
    assert (files.trials.schema.names, files.trials.num_rows, files.trial_set) == (release.trials.schema.names, 0, None)
    absent = files.unknown | (set() if INDEX in names else {"filename"}) | ({"n_pairs"} if names == (INDEX,) else set())
    for name in ("examples", "test_examples", "classes"):
        got, expected = getattr(files, name), getattr(release, name)
        if name == "classes":  # the format has neither names nor a class without examples
            expected = expected.slice(0, 3).set_column(1, "name", [files.class_names])
        assert [(field.name, field.type) for field in got.schema] == [
            (field.name, field.type) for field in expected.schema
        ]
        present = [column for column in expected.column_names if column not in absent]
        assert got.select(present).to_pylist() == expected.select(present).to_pylist()
        assert files.known(got).column_names == present
        assert all(got[column].null_count == got.num_rows for column in set(got.column_names) - set(present))


@pytest.mark.parametrize("names", [(MATRIX,), (MATRIX, PAIRS)])
def test_influence_is_that_of_the_release(release: Release, copied: Copied, names: tuple[str, ...]) -> None:
    files = open_authors(copied(*names))
    for label in range(3):
        got, expected = files.influence(label), release.influence(label)
        np.testing.assert_array_equal(got.tr_idx, expected.tr_idx)
        np.testing.assert_array_equal(got.tt_idx, expected.tt_idx)
        np.testing.assert_array_equal(got.infl.astype(np.float32), expected.infl.astype(np.float32))
        error = files.influence_standard_error(label)
        assert error.shape == expected.infl.shape
        assert np.isnan(error).all()
    assert sum(matrix.infl.size for matrix in files.influences()) == sum(m.infl.size for m in release.influences())
    with pytest.raises(ReleaseQuestionError, match="label is 3, expected 0 to 2"):
        files.influence(3)


def test_the_id_is_of_the_scores(copied: Copied) -> None:
    """Files that add nothing to the matrices do not change it; another score does."""
    folder = copied(MATRIX)
    before = open_authors(folder).id
    assert re.fullmatch("tiny-authors-[0-9a-f]{12}", before)
    assert open_authors(copied(MATRIX, PAIRS, INDEX)).id == before
    with np.load(folder / MATRIX) as archive:
        matrix = archive["infl_matrix_class0"]
    matrix[0, 0] += 0.5
    change(folder / MATRIX, infl_matrix_class0=matrix)
    assert open_authors(folder).id != before


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_shortest_decimals(dtype: type) -> None:
    """As Python writes each number, which is the shortest decimal that rounds to it."""
    values = np.random.default_rng(0).integers(-400, 401, (50, 3)) / np.array([400, 397, 3000])
    array = np.append(values, [np.nan, 1, -1, 0.7, 0.15, 0]).astype(dtype)
    expected = array.astype(np.str_).astype(np.float64)
    np.testing.assert_allclose(shortest_decimals(array), expected, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(shortest_decimals(array)[-5:], [1, -1, 0.7, 0.15, 0])


def test_a_pairs_file_alone_answers_down_to_its_thresholds(release: Release, copied: Copied) -> None:
    files = open_authors(copied(PAIRS))
    assert (files.name, files.thresholds) == ("tiny", Thresholds(mem=0.25, infl=0.15))
    assert files.known(files.pairs).column_names == ["tr_idx", "tt_idx", "infl", "mem"]
    for mem, infl in ((0.25, 0.15), (0.3, 0.2), (1, 1)):
        got, expected = files.select_pairs(mem=mem, infl=infl), release.select_pairs(mem=mem, infl=infl)
        assert files.known(got).equals(expected.select(["tr_idx", "tt_idx", "infl", "mem"]))
    for mem, infl in ((0.2, 0.15), (0.25, 0.1)):
        with pytest.raises(ReleaseQuestionError, match=r"expected at least 0\.25 and 0\.15") as caught:
            files.select_pairs(mem=mem, infl=infl)
        assert "--mem 0.25 --infl 0.15" in caught.value.hint
    for array in ("mem", "labels", "test_labels", "class_names"):
        with pytest.raises(ReleaseQuestionError, match=r"no \*_infl_matrix\.npz and no \*_index\.npz"):
            getattr(files, array)
    with pytest.raises(ReleaseQuestionError, match=r"no \*_infl_matrix\.npz, expected one"):
        files.influence(0)


def test_thresholds_are_those_of_the_name(world: World, tmp_path: Path) -> None:
    write_release(world.content(thresholds=Thresholds(mem=0.5, infl=0.00001)), tmp_path / "release")
    folder = tmp_path / "authors"
    folder.mkdir()
    shutil.copy(tmp_path / "release" / "tiny_high_infl_pairs_infl1e-05_mem0.5.npz", folder)
    files = open_authors(folder)
    assert files.thresholds == Thresholds(mem=0.5, infl=0.00001)
    assert files.select_pairs(mem=0.5, infl=0.00001).num_rows > 0
    for name in ("tiny_high_infl_pairs_inflhigh_mem0.5.npz", "tiny_high_infl_pairs_infl15_mem25.npz"):
        renamed = next(folder.iterdir()).rename(folder / name)
        with pytest.raises(InputError, match=renamed.name):
            open_authors(folder).select_pairs()


def test_an_influence_of_exactly_the_threshold_is_selected(tmp_path: Path) -> None:
    """float32(0.7) is below 0.7: it is compared in its own type."""
    labels = np.zeros(2, dtype=np.int64)
    matrix = np.array([[0.7, 0.15], [0.3, 0.6]], dtype=np.float32)
    np.savez(
        tmp_path / MATRIX,
        tr_labels=labels,
        tt_labels=labels,
        tr_mem=np.array([0.9, np.nan]),
        tr_classidx_0=np.array([1, 0]),
        tt_classidx_0=np.array([0, 1]),
        infl_matrix_class0=matrix[::-1],
    )
    for infl, n_pairs in ((0.7, 1), (0.15, 2), (0.71, 0)):
        pairs = open_authors(tmp_path).select_pairs(infl=infl)
        assert (pairs.num_rows, set(pairs["tr_idx"].to_pylist())) == (n_pairs, {0} if n_pairs else set())
        assert pairs["infl"].to_pylist() == [0.7, 0.15][:n_pairs]


def test_below_its_thresholds_the_pairs_file_still_tells_exact_influences(tmp_path: Path) -> None:
    """0.35 - 0.2 is below 0.15 in float64 and not in float32; so of 0.3 in a listed pair."""
    below = 0.35 - 0.2
    listed = np.array([[0.9 - 0.6, 0.15], [below, 0.1]])
    assert below < 0.15 == np.float32(below).astype(str).astype(float)
    labels = np.zeros(2, dtype=np.int64)
    arrays: dict[str, Any] = {
        "tr_labels": labels,
        "tt_labels": labels,
        "tr_mem": np.array([0.9, 0.8]),
        "tr_classidx_0": np.arange(2),
        "tt_classidx_0": np.arange(2),
        "infl_matrix_class0": listed.astype(np.float32),
    }
    np.savez(tmp_path / MATRIX, **arrays)
    infl = listed[0]
    np.savez(tmp_path / PAIRS, tr_idx=labels, tt_idx=np.arange(2), infl=infl, mem=np.array([0.9, 0.9]))
    files = open_authors(tmp_path)
    low = files.select_pairs(mem=0.1, infl=0.05)
    assert low["infl"].to_pylist() == [*infl, np.nextafter(0.15, 0), 0.1]
    for least in (0.05, 0.1, 0.15, 0.29, 0.3):
        for mem in (0.1, 0.25, 0.85):
            got = files.select_pairs(mem=mem, infl=least)
            assert got.equals(low.filter((low["infl"].to_numpy() >= least) & (low["mem"].to_numpy() >= mem)))
    arrays["infl_matrix_class0"][1, 0] = 0.2  # a pair that the pairs file should have
    np.savez(tmp_path / MATRIX, **arrays)
    with pytest.raises(InputError, match=r"training example 1 on test example 0 is 0\.2, which") as caught:
        open_authors(tmp_path).select_pairs(infl=0.1)
    assert "one folder" in caught.value.hint


def test_questions_that_the_format_cannot_answer(copied: Copied) -> None:
    files = open_authors(copied(INDEX))
    assert not files.has_pairs
    with pytest.raises(ReleaseQuestionError, match=r"no \*_infl_matrix\.npz and no \*_high_infl_pairs"):
        files.select_pairs()
    files = open_authors(copied(MATRIX))
    with pytest.raises(ReleaseQuestionError, match="Pairs of different labels") as caught:
        files.select_pairs(same_label=False)
    assert "--any-label" in caught.value.hint
    for wrong in ({"mem": 2.0}, {"infl": float("nan")}):
        with pytest.raises(InputError, match="expected a number in"):
            files.select_pairs(**wrong)


def test_what_is_no_folder_of_the_authors_files(
    release: Release, copied: Copied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among them a release whose manifest is missing: it was never finished."""
    for place in (release.uri, str(tmp_path), str(tmp_path / "absent"), "gs://bucket/authors", "memory://authors"):
        assert find_authors_files(place) is None
    folder = copied(MATRIX, "examples.parquet")
    assert find_authors_files(str(folder)) is None
    (folder / "examples.parquet").unlink()
    assert open_authors(folder).paths.keys() == {"matrix"}
    assert find_authors_files(folder.as_uri()) is not None
    monkeypatch.setenv("HOME", str(folder.parent))
    assert find_authors_files(f"~/{folder.name}") is not None
    shutil.copy(folder / MATRIX, folder / "other_infl_matrix.npz")
    with pytest.raises(InputError, match=r"other_infl_matrix\.npz and tiny_infl_matrix\.npz, expected one of a kind"):
        find_authors_files(str(folder))
