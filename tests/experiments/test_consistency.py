"""Fig. 7 on releases whose sets and differences are known, and what may not be compared."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mempipe.errors import InputError
from mempipe.experiments import comparison
from mempipe.experiments.agreement import agreement
from mempipe.release.load import Release
from mempipe.release.subset_design import SubsetDesign
from mempipe.scores.tally import Scope
from tests.experiments.reading import column, facts, find, notes
from tests.experiments.releases import known_release

NAN = float("nan")


def agreeing(findings: Any, table: str, threshold: float, k: int = 1) -> tuple[Any, ...]:
    """(J, D, here, there, both, either) at a threshold."""
    row = column(findings, table, "threshold").index(threshold)
    names = ("jaccard", "difference", "n_here", "n_there", "n_both", "n_either")
    return tuple(column(findings, table, f"{name}_{k}")[row] for name in names)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Release, Release]:
    """Two releases of 4 train and 3 test examples; train 3 has no score in the second."""
    first = known_release(
        tmp_path,
        [1, 0.5, 0.25, 0.75],
        [[1, 0, 0.5], [0, 0.25, 0], [0.25, 0, 0], [1, 1, 1]],
        name="one",
        accuracies=[0.5, 0.75],
    )
    second = known_release(
        tmp_path,
        [0.75, 0.5, 0.125, NAN],
        [[0.5, 0, 0.5], [0, 0.5, 0.25], [1, 0, 0], [0, 0, 0]],
        name="two",
        source="other",
        accuracies=[0.25, 0.75],
    )
    return first, second


def test_known_agreement(two: tuple[Release, Release]) -> None:
    first, second = two
    findings = find("consistency", first, releases=[second.uri])
    # Memorization: {0, 1, 2} and {0, 1} at 0.25; {0} and {} at 0.8; train 3 is left out.
    assert agreeing(findings, "memorization", 0.25) == (2 / 3, (0.25 + 0 + 0.125) / 3, 3, 2, 2, 3)
    assert agreeing(findings, "memorization", 0.8) == (0, 0.25, 1, 0, 0, 1)
    assert agreeing(findings, "memorization", 0) == (1, (0.25 + 0 + 0.125) / 3, 3, 3, 3, 3)
    # Pairs at 0.15: here 00, 02, 11, 20; there 00, 02, 11, 12, and not 20, whose train example has mem 0.125.
    assert agreeing(findings, "influence", 0.15) == (3 / 5, (0.5 + 0 + 0.25 + 0.25 + 0.75) / 5, 4, 4, 3, 5)
    assert agreeing(findings, "influence", 0.5) == (2 / 3, (0.5 + 0 + 0.25) / 3, 2, 3, 2, 3)
    assert agreeing(findings, "influence", 1) == (0, 0.5, 1, 0, 0, 1)
    assert column(findings, "influence", "threshold") == [k / 20 for k in range(21)]
    legend = "two (4 high-influence pairs, test accuracy 50.0 %)"
    assert [(figure.kind, figure.table, figure.series[0].y) for figure in findings.figures] == [
        ("lines", "memorization", "jaccard_1"),
        ("lines", "memorization", "difference_1"),
        ("lines", "influence", "jaccard_1"),
        ("lines", "influence", "difference_1"),
    ]
    assert {series.name for figure in findings.figures for series in figure.series} == {legend}
    assert facts(findings) == {
        # The pairs of train 3 are among these: the release itself has them.
        "one": "7 high-influence pairs, test accuracy 62.50% ± 12.55% (mean ± s.d. over 128 trials)",
        "two": "4 high-influence pairs, test accuracy 50.00% ± 25.10% (mean ± s.d. over 128 trials)",
        "two: memorized examples": "Jaccard 0.667, mean difference 0.1250 (mem ≥ 0.25: 3 here and 2 there, 2 in both: "
        "66.7% and 100.0%)",
        "two: high-influence pairs": "Jaccard 0.600, mean difference 0.3500 (infl ≥ 0.15, mem ≥ 0.25: 4 here and 4 "
        "there, 3 in both: 75.0% and 75.0%)",
    }
    assert "no score: training examples: 1, pairs: 3." in notes(findings)
    assert "not very reliable when sets are relatively small" in notes(findings)
    assert "trials in both" not in notes(findings)


def test_without_a_condition_on_memorization(two: tuple[Release, Release]) -> None:
    findings = find("consistency", two[0], releases=[two[1].uri], min_mem=-1)
    assert agreeing(findings, "influence", 0.15) == (4 / 5, (0.5 + 0 + 0.25 + 0.25 + 0.75) / 5, 4, 5, 4, 5)
    assert column(findings, "memorization", "threshold")[0] == -1
    assert "1095" not in notes(findings)


def test_empty_unions_have_no_value(tmp_path: Path) -> None:
    one, two = (known_release(tmp_path, [0.125], [[0.5]], name=name, source=name) for name in ("one", "two"))
    findings = find("consistency", one, releases=[two.uri])
    assert agreeing(findings, "influence", 0) == (None, None, 0, 0, 0, 0)
    assert agreeing(findings, "memorization", 0.25) == (None, None, 0, 0, 0, 0)
    assert facts(findings)["two: high-influence pairs"] == "none in either (infl ≥ 0.15, mem ≥ 0.25)"
    assert agreeing(findings, "memorization", 0.1) == (1, 0, 1, 1, 1, 1)


@pytest.mark.parametrize("cells", [1, 7, 2**20])
@pytest.mark.parametrize("scope", [Scope.CLASS, Scope.FULL])
def test_class_by_class_and_in_bands_is_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: int, scope: Scope
) -> None:
    rng = np.random.default_rng(2)
    train, test = rng.integers(0, 3, 15), rng.integers(0, 3, 11)
    pair = []
    for name in ("one", "two", "three"):
        mem, infl = rng.integers(0, 65, 15) / 64, rng.integers(-32, 33, (15, 11)) / 32
        mem[4] = NAN if name == "two" else mem[4]
        release = known_release(
            tmp_path, mem, infl, train_labels=train, test_labels=test, name=name, source=name, scope=scope
        )
        pair.append((release, mem, infl))
    monkeypatch.setattr(comparison, "_CELLS_AT_ONCE", cells)
    (release, mem, infl), *others = pair
    grid = [-1, 0, 0.15, 0.5, 1]
    same = train[:, None] == test
    findings = comparison.compare_influence(release, [other for other, *_ in others], grid, min_mem=0.25)
    for got, (_, other_mem, other_infl) in zip(findings, others, strict=True):
        theirs = np.where(np.isnan(other_mem)[:, None], NAN, other_infl)
        allowed = (np.broadcast_to((one >= 0.25)[:, None], same.shape)[same] for one in (mem, other_mem))
        first, second = allowed
        expected = agreement(grid, infl[same], theirs[same], first_allowed=first, second_allowed=second)
        for name in ("n_first", "n_second", "n_both", "n_either", "n_undefined"):
            np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))
        np.testing.assert_allclose(got.difference, expected.difference)


def test_several_releases_of_one_name_are_told_apart(tmp_path: Path) -> None:
    release = known_release(tmp_path / "a", [1], [[1]], name="net")
    others = [
        known_release(tmp_path / f"b{k}", [k / 64], [[k / 32]], name="net", source=f"s{k}").manifest for k in (1, 2)
    ]
    uris = [str(tmp_path / f"b{k}" / "releases" / "net") for k in (1, 2)]
    findings = find("consistency", release, releases=uris)
    names = {series.name.split(" (")[0] for figure in findings.figures for series in figure.series}
    assert names == {other.id for other in others}


def test_trials_that_both_counted_are_told(tmp_path: Path) -> None:
    one, two = (known_release(tmp_path, [mem], [[1]], name=name) for mem, name in ((1, "one"), (0.5, "two")))
    assert "two: trials in both releases: 128;" in notes(find("consistency", one, releases=[two.uri]))


@pytest.mark.parametrize(
    ("subsets", "words"),
    [
        (SubsetDesign(design="uniform", ratio="0.5", seed=1), "the same subsets as those here, as both are of seed 1"),
        (SubsetDesign(design="uniform", ratio="0.5", seed=2), None),
        (SubsetDesign(design="uniform", ratio="0.7", seed=1), "the subsets are uniform of ratio 0.7, and uniform of"),
        (SubsetDesign(design="balanced", ratio="0.5", seed=1), "the subsets are balanced of ratio 0.5, and uniform of"),
        (SubsetDesign(design="unknown", ratio="0.5"), "how the subsets were drawn is not known of both releases"),
    ],
)
def test_how_independent_the_subsets_are_is_told(tmp_path: Path, subsets: SubsetDesign, words: str | None) -> None:
    one = known_release(tmp_path, [1], [[1]], name="one")
    two = known_release(tmp_path, [0.5], [[1]], name="two", source="other", subsets=subsets)
    lines = [note for note in notes(find("consistency", one, releases=[two.uri])).splitlines() if "subsets" in note]
    assert [words in note for note in lines if note.startswith("two: ")] == ([True] if words else [])


def test_without_fingerprints_labels_must_do(tmp_path: Path) -> None:
    release = known_release(tmp_path, [1, 1], [[1], [1]], name="one")
    unknown = known_release(tmp_path, [1, 1], [[1], [1]], name="two", source="other", fingerprint=None)
    assert "that is all we know" in notes(find("consistency", release, releases=[unknown.uri]))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fingerprint": "e" * 64}, r"data fingerprint is eeeeeeeeeeeeeeee… \(made\), expected ffffffffffffffff…"),
        ({"mem": [1], "infl": [[1]]}, "sizes are 1 train, 1 test, 3 classes, expected 2 train, 1 test, 3 classes"),
        ({"class_names": ["zero"]}, "sizes are 2 train, 1 test, 1 classes"),
        ({"train_labels": [0, 1]}, r"label of training example 1 is 1, expected 0, .*\(1 labels differ\)"),
        ({"fingerprint": None, "test_labels": [2]}, "label of test example 0 is 2, expected 0"),
    ],
)
def test_what_is_of_other_data_is_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    release = known_release(tmp_path / "a", [1, 1], [[1], [1]])
    other = known_release(tmp_path / "b", **{"mem": [1, 1], "infl": [[1], [1]], "source": "other", **changes})
    with pytest.raises(InputError, match=says) as caught:
        find("consistency", release, releases=[other.uri])
    assert "one data set" in caught.value.hint


def test_itself_and_nothing_are_refused(two: tuple[Release, Release]) -> None:
    with pytest.raises(InputError, match="expected a release other than the one"):
        find("consistency", two[0], releases=[two[1].uri, two[0].uri])
    with pytest.raises(InputError, match=r"params\.releases is empty, expected at least one"):
        find("consistency", two[0])
