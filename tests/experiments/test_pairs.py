"""Statistics of high-influence pairs (section 3.3) and the histogram of Fig. 3."""

from pathlib import Path

import numpy as np
import pytest

from mempipe.experiments.result import Bars
from tests.experiments.reading import column, facts, find, notes, rows
from tests.experiments.releases import known_release

NAN = float("nan")


def test_known_pairs(tmp_path: Path) -> None:
    """Train 0: tests 0, 1, 2; train 1: test 2; train 2 is not memorized enough; train 3 has no score."""
    release = known_release(
        tmp_path,
        [0.5, 0.25, 0.1875, NAN],
        [[1, 0.25, 0.1875, 0.125], [0, -1, 0.5, 0.125], [1, 1, 1, 1], [1, 1, 1, 1]],
    )
    findings = find("pairs", release)
    assert facts(findings) == {
        "High-influence pairs": "4 of mem ≥ 0.25, infl ≥ 0.15 and equal labels, over 128 trials",
        "Unique training examples": "2 of the 2 with mem ≥ 0.25",
        "Unique test examples": "3 (75.00% of 4)",
        "Test examples with exactly one influencing example": "2 of 3 (66.7%)",
        "Most pairs of one training example": "3",
        "Most pairs of one test example": "2",
        "Influences below 0.4": "2 of 4 (50.0%)",
    }
    counts = dict(rows(findings, "histogram", "left", "count"))
    assert len(counts) == 17
    assert {left: n for left, n in counts.items() if n} == {0.15: 1, 0.25: 1, 0.5: 1, 0.95: 1}
    assert column(findings, "histogram", "right")[-1] == 1
    assert rows(findings, "by_train", "n_pairs", "count", "left", "right") == [
        (1, 1, 0.5, 1.5),
        (2, 0, 1.5, 2.5),
        (3, 1, 2.5, 3.5),
    ]
    assert rows(findings, "by_test", "n_pairs", "count") == [(1, 2), (2, 1)]
    assert [(figure.kind, figure.log) for figure in findings.figures if isinstance(figure, Bars)] == [
        ("bars", False),
        ("bars", False),
    ]
    assert "35 / 1015 / 1641 pairs" in notes(findings)


@pytest.mark.parametrize(("mem", "infl"), [(0.25, 0.15), (-1, -1), (0.5, 0.3), (0, 0.0)])
def test_counts_sum_to_the_pairs(tmp_path: Path, mem: float, infl: float) -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(-32, 33, (12, 9)) / 32
    release = known_release(
        tmp_path, rng.integers(0, 65, 12) / 64, scores, train_labels=[0, 1, 2] * 4, test_labels=[0, 1, 2] * 3
    )
    findings = find("pairs", release, mem=mem, infl=infl)
    n_pairs = release.select_pairs(mem=mem, infl=infl).num_rows
    assert n_pairs > 0
    assert sum(column(findings, "histogram", "count")) == n_pairs
    for part in ("by_train", "by_test"):
        assert sum(n * count for n, count in rows(findings, part, "n_pairs", "count")) == n_pairs
    assert column(findings, "histogram", "left")[0] == infl
    assert ("1015" in notes(findings)) == ((mem, infl) == (0.25, 0.15))


def test_no_pairs(tmp_path: Path) -> None:
    findings = find("pairs", known_release(tmp_path, [1, NAN], [[0, 0], [1, 1]]))
    assert facts(findings) == {
        "High-influence pairs": "0 of mem ≥ 0.25, infl ≥ 0.15 and equal labels, over 128 trials",
        "Unique training examples": "0 of the 1 with mem ≥ 0.25",
        "Unique test examples": "0 (0.00% of 2)",
        "Test examples with exactly one influencing example": "0 of 0",
    }
    assert column(findings, "histogram", "count") == [0] * 17
    assert findings.figures == ()
    assert column(findings, "by_train", "count") == []
    assert "no such pair" in notes(findings)
