"""Fig. 1: who is shown near a memorization value."""

from pathlib import Path

import numpy as np
import pytest

from mempipe.errors import InputError
from mempipe.experiments.kinds.examples import nearest
from mempipe.release.load import Release
from tests.experiments.reading import column, facts, find, notes, rows
from tests.experiments.releases import known_release

NAN = float("nan")
MEM = [0, 0.03125, 0.5, 0.5625, 1, 0.96875, 0.25, NAN]


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return known_release(tmp_path, MEM, np.zeros((8, 2)), train_labels=[0, 1] * 4, test_labels=[0, 1])


def test_the_nearest_in_the_whole_training_set(release: Release) -> None:
    findings = find("examples", release, n=2)
    assert rows(findings, "examples", "group", "near", "tr_idx", "mem", "label", "class") == [
        ("near 0", 0, 0, 0, 0, "zero"),
        ("near 0", 0, 1, 0.03125, 1, "one"),
        ("near 0.5", 0.5, 2, 0.5, 0, "zero"),
        ("near 0.5", 0.5, 3, 0.5625, 1, "one"),
        ("near 1", 1, 4, 1, 0, "zero"),
        ("near 1", 1, 5, 0.96875, 1, "one"),
    ]
    assert column(findings, "examples", "mem_se") == release.mem_se[:6].tolist()
    assert column(findings, "examples", "heldout_accuracy") == [0] * 6
    assert facts(findings) == {f"Near {near}": "2 shown of 2 within 0.1" for near in ("0", "0.5", "1")}
    assert [figure.kind for figure in findings.figures] == ["examples"]
    assert "Not hand-picked" in notes(findings)
    assert "Training examples without a score (every trial saw them, or none): 1." in notes(findings)
    assert "Fewer" not in notes(findings)


def test_class_by_class(release: Release) -> None:
    findings = find("examples", release, n=1, classes=["one", 0, 1], near=[0.5, 0.25])
    assert rows(findings, "examples", "group", "tr_idx") == [
        ("one, near 0.5", 3),
        ("zero, near 0.5", 2),
        ("zero, near 0.25", 6),
    ]
    assert facts(findings)["One, near 0.25"] == "0 shown of 0 within 0.1"
    assert "Fewer than 1 are that near in: one, near 0.25." in notes(findings)


def test_the_seed_decides_between_equally_near_ones(tmp_path: Path) -> None:
    release = known_release(tmp_path, [0.0] * 50, np.zeros((50, 1)))
    positions = {
        seed: column(find("examples", release, n=5, near=[0], seed=seed), "examples", "tr_idx") for seed in (0, 1)
    }
    assert positions[0] == column(find("examples", release, n=5, near=[0]), "examples", "tr_idx")
    assert positions[0] != positions[1]
    assert positions[0] == [10, 3, 22, 21, 37]  # the same on every machine and with every numpy


def test_drawn_classes(tmp_path: Path) -> None:
    """The class without a score is never drawn; more of the others than there are is refused."""
    release = known_release(tmp_path, [0.0, 0.5, NAN], np.zeros((3, 3)), train_labels=[0, 1, 2], test_labels=[0, 1, 2])
    results = [find("examples", release, n_classes=1, seed=seed) for seed in range(12)]
    assert {label for findings in results for label in column(findings, "examples", "class")} == {"zero", "one"}
    assert "drawn by the same seed" in notes(results[0])
    assert column(find("examples", release, n_classes=2, within=2, n=1, near=[0]), "examples", "class") == [
        "zero",
        "one",
    ]
    with pytest.raises(InputError, match="n_classes is 3, expected at most 2"):
        find("examples", release, n_classes=3)


@pytest.mark.parametrize("class_name", [3, -1, "three"])
def test_unknown_classes(release: Release, class_name: int | str) -> None:
    with pytest.raises(InputError, match=f"it is {class_name!r}, expected a label from 0 to 2") as caught:
        find("examples", release, classes=[class_name])
    assert "classes.parquet" in caught.value.hint


def test_classes_are_named_or_drawn(release: Release) -> None:
    with pytest.raises(InputError, match="not both"):
        find("examples", release, classes=[0], n_classes=1)


def test_nothing_near(tmp_path: Path) -> None:
    findings = find("examples", known_release(tmp_path, [NAN], [[0]]))
    assert findings.figures == ()
    assert column(findings, "examples", "tr_idx") == []
    assert facts(findings)["Near 1"] == "0 shown of 0 within 0.1"


def test_the_nearest_come_first_and_equal_ones_in_order() -> None:
    mem = np.array([0.0625, NAN, 0.5, 0.25, 0.5, 0.75])
    chosen, n_within = nearest(mem, np.array([4, 3, 2, 1, 0, 5]), 0.375, n=3, within=0.3125)
    assert (chosen.tolist(), n_within) == ([4, 3, 2], 4)
    chosen, n_within = nearest(mem, np.array([5, 0, 1]), 0.625, n=3, within=0.5)
    assert (chosen.tolist(), n_within) == ([5], 1)
