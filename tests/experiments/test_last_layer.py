"""Fig. 8: linear models against the whole network, on releases with known scores."""

from pathlib import Path

import pytest

from mempipe.errors import InputError
from mempipe.release.load import Release
from tests.experiments.reading import facts, find, notes, rows
from tests.experiments.releases import known_release


@pytest.fixture
def network(tmp_path: Path) -> Release:
    return known_release(
        tmp_path, [1, 0.5, 0.125], [[1, 0], [0.25, 0.25], [0.5, 0]], name="network", accuracies=[0.5, 0.75]
    )


def linear(tmp_path: Path, **changes: object) -> Release:
    """The release of the linear models: other data, equal labels; memorizes nothing."""
    arguments = {"name": "linear", "source": "linear", "fingerprint": "e" * 64, "accuracies": [0.75, 0.75], **changes}
    return known_release(tmp_path, [0.125, 0, 0.25], [[0.5, 0], [0, 0.25], [0, 0]], **arguments)  # type: ignore[arg-type]


def test_known_scores(tmp_path: Path, network: Release) -> None:
    findings = find("last-layer", network, linear=linear(tmp_path).uri)
    assert facts(findings) == {
        "Test accuracy, whole network": "62.50% ± 12.55% (mean ± s.d. over 128 trials)",
        "Test accuracy, linear models": "75.00% ± 0.00% (mean ± s.d. over 128 trials)",
        "Memorized examples, whole network": "2 of 3 have mem ≥ 0.25",
        "Memorized examples, linear models": "1 of 3 have mem ≥ 0.25",
        "High-influence pairs, whole network": "4 of infl ≥ 0.15; 3 of them with mem ≥ 0.25",
        "High-influence pairs, linear models": "2 of infl ≥ 0.15; 0 of them with mem ≥ 0.25",
        "Agreement of influence at 0.15": "Jaccard 0.500, mean difference 0.3125 (2 pairs in both of 4 in either)",
    }
    by_threshold = {row[0]: row[1:] for row in rows(findings, "influence", *findings.tables["influence"].columns)}
    # {00, 10, 11, 20} and {00, 11} at 0.15, whatever the memorization.
    assert by_threshold[0.15] == (0.5, (0.5 + 0.25 + 0 + 0.5) / 4, 4, 2, 2, 4)
    assert by_threshold[1] == (0, 0.5, 1, 0, 0, 1)
    assert [(figure.kind, figure.series[0].y) for figure in findings.figures] == [
        ("lines", "jaccard"),
        ("lines", "difference"),
    ]
    assert "Whole network: release network, model not known, data set made. Linear" in notes(findings)
    assert "left out" not in notes(findings)
    assert "457" in notes(findings)


def test_no_pair_in_either(tmp_path: Path) -> None:
    one, two = (known_release(tmp_path, [1], [[0]], name=name, source=name) for name in ("one", "two"))
    findings = find("last-layer", one, linear=two.uri, infl=0.5)
    assert facts(findings)["Agreement of influence at 0.5"] == "no pair in either"
    assert rows(findings, "influence", "threshold", "jaccard", "difference")[1] == (0.05, None, None)
    assert "457" not in notes(findings)


def test_labels_must_be_equal(tmp_path: Path, network: Release) -> None:
    other = linear(tmp_path, train_labels=[0, 0, 1])
    with pytest.raises(InputError, match="label of training example 2 is 1, expected 0"):
        find("last-layer", network, linear=other.uri)


def test_a_linear_release_is_needed(network: Release) -> None:
    with pytest.raises(InputError, match=r"params\.linear is empty") as caught:
        find("last-layer", network)
    assert "--linear" in caught.value.hint
    with pytest.raises(InputError, match="expected a release other than the one"):
        find("last-layer", network, linear=network.uri)


def test_models_must_be_linear(tmp_path: Path, network: Release) -> None:
    """Equal labels are not enough: another network on the same data has them too."""
    other = linear(tmp_path, model="mlp")
    with pytest.raises(InputError, match=r"linear-\S+ model is mlp, expected linear") as caught:
        find("last-layer", network, linear=other.uri)
    assert f"mempipe experiment features {network.uri}" in caught.value.hint


def test_a_model_that_is_not_known_is_told(tmp_path: Path, network: Release) -> None:
    note = "Release linear holds no spec, so it is not known that its models are linear"
    unknown = find("last-layer", network, linear=linear(tmp_path / "unknown").uri)
    linear_known = find("last-layer", network, linear=linear(tmp_path / "known", model="linear").uri)
    assert note in notes(unknown)
    assert "no spec" not in notes(linear_known)
    assert "Linear models: release linear, model linear, data set made." in notes(linear_known)
    assert facts(linear_known) == facts(unknown)


def test_missing_scores_are_told(tmp_path: Path, network: Release) -> None:
    nan = float("nan")
    other = known_release(tmp_path, [nan, 1, nan], [[1, 1]] * 3, name="linear", source="linear")
    findings = find("last-layer", network, linear=other.uri)
    assert "has no score: 4." in notes(findings)
    assert rows(findings, "influence", "n_network", "n_linear", "n_either")[3] == (2, 2, 2)
