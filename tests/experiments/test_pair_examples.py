"""Appendix C's selection and the pictures of Figs. 4-6."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mempipe.experiments.kinds.pair_examples import highest_influence, pick
from tests.experiments.reading import column, facts, find, notes, rows
from tests.experiments.releases import known_release


def appendix_c(idx_train_selected: list[int], max_infl: list[float]) -> list[list[int]]:
    """Appendix C's code as it stands there, with a stable sort and `int` for `np.int`."""
    n_copies, n_egs = 3, 5
    idx_sort_selected = np.argsort(-np.array(max_infl), kind="stable")
    base_idxs = np.linspace(0, len(idx_train_selected) - n_copies, n_egs).astype(int)
    return [[idx_train_selected[idx_sort_selected[x + i_copy]] for x in base_idxs] for i_copy in range(n_copies)]


@given(st.lists(st.sampled_from([0.15, 0.2, 0.5, 1.0]), min_size=7, max_size=60))
def test_the_selection_of_appendix_c(highest: list[float]) -> None:
    selected = np.arange(len(highest)) * 3
    sets = pick(selected, np.array(highest), n_copies=3, n_egs=5)
    assert [name for name, _ in sets] == ["set 1", "set 2", "set 3"]
    assert [chosen.tolist() for _, chosen in sets] == appendix_c(selected.tolist(), highest)
    assert all(len(set(chosen.tolist())) == 5 for _, chosen in sets)


def test_equal_influences_stay_in_order() -> None:
    """20 equal ones: the order is that of the data set, bases are 0, 4, 8, 12, 17."""
    sets = pick(np.arange(20), np.full(20, 0.5), n_copies=3, n_egs=5)
    assert [chosen.tolist() for _, chosen in sets] == [[0, 4, 8, 12, 17], [1, 5, 9, 13, 18], [2, 6, 10, 14, 19]]


@pytest.mark.parametrize("n", range(7))
def test_fewer_than_seven_are_all_shown(n: int) -> None:
    sets = pick(np.arange(n), np.arange(n) / 10, n_copies=3, n_egs=5)
    assert [(name, chosen.tolist()) for name, chosen in sets] == ([("all", list(range(n))[::-1])] if n else [])


def test_highest_influence() -> None:
    selected, highest = highest_influence(np.array([7, 3, 7, 5]), np.array([0.2, 0.3, 0.9, 0.4]))
    assert (selected.tolist(), highest.tolist()) == ([3, 5, 7], [0.3, 0.4, 0.9])
    assert [part.size for part in highest_influence(np.empty(0, np.int64), np.empty(0))] == [0, 0]


def test_the_rows_of_a_picture(tmp_path: Path) -> None:
    """Most influenced of the own class, also below the threshold and below 0; of equal ones the first."""
    infl = np.zeros((4, 7))
    infl[0] = [0.25, -0.5, 0, 0.5, 1, 1, 1]
    infl[2] = [1, 1, 1, 1, 0.5, -0.25, -0.5]
    release = known_release(
        tmp_path, [0.5, 1, 0.75, 0.125], infl, train_labels=[0, 0, 1, 1], test_labels=[0, 0, 0, 0, 1, 1, 1]
    )
    findings = find("pair-examples", release)
    assert rows(findings, "pairs", "group", "tr_idx", "mem", "tt_idx", "infl", "label", "class") == [
        ("all", 0, 0.5, 3, 0.5, 0, "zero"),
        ("all", 0, 0.5, 0, 0.25, 0, "zero"),
        ("all", 0, 0.5, 2, 0, 0, "zero"),
        ("all", 0, 0.5, 1, -0.5, 0, "zero"),
        ("all", 2, 0.75, 4, 0.5, 1, "one"),
        ("all", 2, 0.75, 5, -0.25, 1, "one"),
        ("all", 2, 0.75, 6, -0.5, 1, "one"),
    ]
    errors = [release.influence_standard_error(label) for label in (0, 1)]
    assert column(findings, "pairs", "infl_se")[:2] == [errors[0][0, 3], errors[0][0, 0]]
    assert column(findings, "pairs", "infl_se")[-1] == errors[1][0, 2]
    assert column(findings, "pairs", "mem_se")[0] == release.mem_se[0]
    assert facts(findings)["Training examples in high-influence pairs"].startswith("2 (")
    assert facts(findings)["Shown"] == "training examples: 2, sets: 1"
    assert "needs 7 training examples; there are 2, and all are shown" in notes(findings)
    assert [figure.kind for figure in findings.figures] == ["pairs"]


def test_sets_of_a_larger_release(tmp_path: Path) -> None:
    """Ten examples with one pair each, their influences descending: bases are 0, 1, 3, 5, 7."""
    infl = np.diag(np.arange(10, 0, -1) / 32 + 0.5)
    findings = find("pair-examples", known_release(tmp_path, [1.0] * 10, infl), n_test_egs=1)
    assert rows(findings, "pairs", "group", "tr_idx", "tt_idx") == [
        (f"set {copy + 1}", base + copy, base + copy) for copy in range(3) for base in (0, 1, 3, 5, 7)
    ]
    assert "the sets overlap" in notes(findings)


def test_no_pairs(tmp_path: Path) -> None:
    findings = find("pair-examples", known_release(tmp_path, [1, float("nan")], [[0, 0], [1, 1]]))
    assert findings.figures == ()
    assert column(findings, "pairs", "tr_idx") == []
    assert facts(findings)["Shown"] == "training examples: 0, sets: 0"
    assert "nothing is shown" in notes(findings)
