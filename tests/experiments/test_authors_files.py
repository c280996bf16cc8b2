"""Experiments that only read scores find in the authors' files what they find in the release that they are of."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mempipe.errors import InputError, ReleaseQuestionError
from mempipe.experiments.registry import experiment, params_of
from mempipe.experiments.result import Findings, Result
from mempipe.release.load import Release
from mempipe.release.open_scores import open_scores
from mempipe.steps.retraining import spec_and_data
from tests.command import mempipe
from tests.experiments.reading import facts, find, notes
from tests.experiments.releases import known_release

UNKNOWN = {"mem_se", "infl_se", "heldout_accuracy", "class"}
"""Columns that the files cannot fill, and the classes' names, which they replace by labels."""


@pytest.fixture
def two(tmp_path: Path) -> tuple[Release, Release]:
    rng = np.random.default_rng(3)
    train, test = np.arange(30) % 3, np.arange(20) % 2
    all_scores = []
    for name in ("one", "two"):
        mem = rng.integers(0, 65, 30) / 64
        mem[4] = np.nan
        infl = rng.integers(-32, 33, (30, 20)) / 32
        all_scores.append(
            known_release(tmp_path / "store", mem, infl, train_labels=train, test_labels=test, name=name, source=name)
        )
    return all_scores[0], all_scores[1]


def files_of(release: Release, folder: Path, *patterns: str) -> Path:
    folder.mkdir()
    for pattern in patterns:
        shutil.copy(*Path(release.uri).glob(pattern), folder)
    return folder


def values(findings: Findings) -> dict[str, dict[str, tuple[Any, ...]]]:
    return {
        name: {key: column.values for key, column in table.columns.items() if key not in UNKNOWN}
        for name, table in findings.tables.items()
    }


@pytest.mark.parametrize("patterns", [("*_infl_matrix.npz",), ("*_infl_matrix.npz", "*_pairs_*.npz")])
def test_consistency_in_both_directions(
    two: tuple[Release, Release], tmp_path: Path, patterns: tuple[str, ...]
) -> None:
    first, second = two
    folder = files_of(second, tmp_path / "authors", *patterns)
    expected, got = (find("consistency", first, releases=[str(place)]) for place in (second.uri, folder))
    assert values(got) == values(expected)
    assert facts(got)["two: high-influence pairs"] == facts(expected)["two: high-influence pairs"]
    assert facts(got)["two"] == facts(expected)["two"].split(", test accuracy")[0] + ", test accuracy unknown"
    assert "test accuracy unknown)" in got.figures[0].model_dump()["series"][0]["name"]
    assert "two: a data set has no fingerprint, so positions were compared by labels only" in notes(got)
    assert "two: how the subsets were drawn is not known of both releases" in notes(got)
    reverse = find("consistency", open_scores(folder), releases=[first.uri])
    assert values(reverse) == values(find("consistency", second, releases=[first.uri]))
    assert values(find("consistency", open_scores(folder), releases=[second.uri]))["influence"]["jaccard_1"][0] == 1


@pytest.mark.parametrize("name", ["pairs", "histograms", "examples", "pair-examples"])
def test_experiments_on_the_files_alone(two: tuple[Release, Release], tmp_path: Path, name: str) -> None:
    release = two[0]
    scores = open_scores(files_of(release, tmp_path / "authors", "*_infl_matrix.npz"))
    got, expected = find(name, scores), find(name, release)
    assert values(got) == values(expected)
    assert any(values(got).values())
    for table in got.tables.values():
        for error in ("mem_se", "infl_se", "heldout_accuracy"):
            assert set(table.columns[error].values if error in table.columns else [None]) == {None}


def test_other_data_and_missing_matrices_are_refused(two: tuple[Release, Release], tmp_path: Path) -> None:
    other = known_release(tmp_path / "other", [1] * 30, [[1] * 20] * 30, name="other", source="other")
    folder = files_of(other, tmp_path / "authors", "*_infl_matrix.npz")
    with pytest.raises(InputError, match=r"label of training example 1 is 0, expected 1.*\(20 labels differ\)"):
        find("consistency", two[0], releases=[str(folder)])
    pairs = files_of(two[1], tmp_path / "pairs", "*_pairs_*.npz")
    with pytest.raises(ReleaseQuestionError, match="Labels and memorization are unknown"):
        find("consistency", two[0], releases=[str(pairs)])


@pytest.mark.parametrize("name", ["influencers", "marginal-utility"])
def test_what_trains_models_is_refused(two: tuple[Release, Release], tmp_path: Path, name: str) -> None:
    scores = open_scores(files_of(two[0], tmp_path / "authors", "*_infl_matrix.npz"))
    assert experiment(name).trainings(scores, params_of(name, {}))
    with pytest.raises(InputError, match=rf"Models cannot be trained: {scores.uri} has no spec"):
        spec_and_data(scores, None)


def test_command_and_report(two: tuple[Release, Release], tmp_path: Path) -> None:
    release, store = two[1], tmp_path / "results"
    folder = files_of(two[0], tmp_path / "authors", "*_infl_matrix.npz", "*_pairs_*.npz")
    command = ("experiment", "consistency", folder, "--releases", release.uri)
    refused = mempipe(*command, code=20).stderr
    assert f"Store is not known: release is {folder}" in refused
    assert "--store" in refused
    place = Path(mempipe(*command, "--store", store).stdout.strip())
    result = Result.from_json(place.read_bytes(), source=str(place))
    scores = open_scores(folder)
    assert (result.release, result.other_releases) == (scores.id, (release.id,))
    assert place.parent == store / "experiments" / "one" / scores.id
    assert [result.subsets[one.id].design for one in (scores, release)] == ["unknown", "uniform"]
    process = mempipe("report", folder, "--no-images", "--experiments", place.parent, "--out", tmp_path / "site")
    assert "experiment consistency: 1 results" in process.stderr
    back = Path(mempipe("experiment", "consistency", release.uri, "--releases", folder).stdout.strip())
    assert back.parent == tmp_path / "store" / "experiments" / "two" / release.id
