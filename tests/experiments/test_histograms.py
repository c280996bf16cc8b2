"""Histograms of all scores, and memorization by class."""

from pathlib import Path

import numpy as np
import pytest

from mempipe.release import load
from mempipe.scores.tally import Scope
from tests.experiments.reading import column, facts, find, rows
from tests.experiments.releases import known_release

NAN = float("nan")


def test_known_scores(tmp_path: Path) -> None:
    release = known_release(
        tmp_path,
        [0, 0.25, 1, NAN, -0.125, 0.5],
        [[0, 0.5], [0, -1], [0, 1], [1, 1], [0, 0], [0, 0.25]],
        train_labels=[0, 0, 0, 0, 1, 1],
        test_labels=[0, 1],
    )
    findings = find("histograms", release, mem_width=0.25, infl_width=0.5)
    assert rows(findings, "memorization", "left", "right", "count") == [
        (-0.25, 0, 1),
        (0, 0.25, 1),
        (0.25, 0.5, 1),
        (0.5, 0.75, 1),
        (0.75, 1, 1),
    ]
    # Pairs of equal labels: 0, 0, 0 of class 0 (and one without a score), 0 and 0.25 of class 1.
    assert rows(findings, "influence", "left", "count") == [(0, 5)]
    assert facts(findings) == {
        "Memorization": "mean 0.3250, median 0.2500, from -0.125 to 1.000, over 5 training examples",
        "Memorized (mem ≥ 0.25)": "3 of 5 training examples with a score (60.00%)",
        "Influence": "of 5 pairs: the pairs of equal labels",
        "Without a score": "training examples: 1, pairs: 1 (every trial saw the training example, or none)",
    }
    names = ("rank", "label", "class", "n_train", "mean_mem", "mem_median", "share_memorized", "n_undefined")
    assert rows(findings, "classes", *names) == [
        (1, 1, "one", 2, 0.1875, 0.1875, 0.5, 0),
        (2, 0, "zero", 4, pytest.approx(1.25 / 3), 0.25, pytest.approx(2 / 3), 1),
    ]
    assert column(findings, "classes", "mem_sd")[0] == pytest.approx(np.std([-0.125, 0.5], ddof=1))
    assert column(findings, "classes", "mem_q10")[0] == pytest.approx(-0.125 + 0.1 * 0.625)
    assert [(figure.kind, getattr(figure, "log", None)) for figure in findings.figures] == [
        ("bars", True),
        ("bars", True),
        ("lines", None),
    ]


@pytest.mark.parametrize("scope", [Scope.CLASS, Scope.FULL])
def test_every_counted_pair_is_in_a_bin_whatever_the_parts(
    tmp_path: Path, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(-32, 33, (14, 10)) / 32
    release = known_release(
        tmp_path, [*[0.5] * 13, NAN], scores, train_labels=[0, 1] * 7, test_labels=[0, 1] * 5, scope=scope
    )
    findings = find("histograms", release)
    full = scope is Scope.FULL
    assert sum(column(findings, "influence", "count")) == 13 * (10 if full else 5)
    assert facts(findings)["Without a score"].startswith(f"training examples: 1, pairs: {10 if full else 5} (")
    assert ("all pairs" in facts(findings)["Influence"]) == full
    monkeypatch.setattr(load, "_BAND_BYTES", 1)
    assert find("histograms", release) == findings


def test_no_scores_at_all(tmp_path: Path) -> None:
    findings = find("histograms", known_release(tmp_path, [NAN, NAN], [[0], [0]]))
    assert facts(findings)["Memorization"] == "no training example has a score"
    assert facts(findings)["Memorized (mem ≥ 0.25)"] == "0 of 0 training examples with a score"
    assert facts(findings)["Without a score"].startswith("training examples: 2, pairs: 2 (")
    assert sum(column(findings, "memorization", "count")) == 0
    assert column(findings, "classes", "rank") == []


def test_a_class_of_one_has_no_spread(tmp_path: Path) -> None:
    findings = find("histograms", known_release(tmp_path, [0.5], [[0]]))
    assert rows(findings, "classes", "mean_mem", "mem_sd") == [(0.5, None)]
