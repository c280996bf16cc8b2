"""Figs. 4-6: training examples of high-influence pairs, with the test examples that they influence most (App. C)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mempipe.experiments.result import Column, Fact, Findings, Pairs, Table, number
from mempipe.spec import Strict

if TYPE_CHECKING:
    from mempipe.experiments.training import Training, TrainingResult
    from mempipe.release.scores import Scores

TITLE: Final = "Examples of high-influence pairs, not hand-picked"
PAPER: Final = "Section 3.4, Figures 4-6, Appendix C"
AUTOMATIC: Final = True

_COLUMNS: Final = {
    "group": "which set the training example was picked into",
    "tr_idx": "training example: position in the data set's own order",
    "mem": "its memorization",
    "mem_se": "standard error of mem, from the trials",
    "tt_idx": "test example: position in the data set's own order",
    "infl": "influence of the training on the test example",
    "infl_se": "standard error of infl, from the trials",
    "label": "label of both",
    "class": "name of the class",
}


class Params(Strict):
    """Parameters of the experiment; the last three have Appendix C's names."""

    mem: float = Field(0.25, ge=-1, le=1, description="Least memorization of a training example in a pair.")
    infl: float = Field(0.15, ge=-1, le=1, description="Least influence of a pair, of the same label.")
    n_copies: int = Field(3, ge=1, le=100, description="Sets of training examples.")
    n_egs: int = Field(5, ge=1, le=100, description="Training examples in each set.")
    n_test_egs: int = Field(4, ge=1, le=100, description="Test examples for each training example.")


def trainings(release: Scores, params: Params) -> list[Training]:  # noqa: ARG001 - the contract's
    """Return no trainings: the release suffices."""
    return []


def find(release: Scores, params: Params, results: Sequence[TrainingResult]) -> Findings:  # noqa: ARG001
    """Return the selected training examples, each with the test examples of its class that it influences most."""
    pairs = release.select_pairs(mem=params.mem, infl=params.infl)
    selected, highest = highest_influence(pairs["tr_idx"].to_numpy(), pairs["infl"].to_numpy())
    sets = pick(selected, highest, n_copies=params.n_copies, n_egs=params.n_egs)
    rows = _rows(release, sets, params.n_test_egs)
    table = Table(
        title="Training examples of high-influence pairs and the test examples that each influences most",
        columns={
            name: Column(meaning=meaning, values=tuple(row[name] for row in rows)) for name, meaning in _COLUMNS.items()
        },
    )
    examples = np.unique(np.concatenate([chosen for _, chosen in sets])) if sets else np.empty(0, np.int64)
    facts = [
        Fact(
            name="Training examples in high-influence pairs",
            value=f"{selected.size:,} (mem ≥ {params.mem:g}, infl ≥ {params.infl:g}, equal labels; "
            f"{pairs.num_rows:,} pairs)",
        ),
        Fact(name="Shown", value=f"training examples: {examples.size:,}, sets: {len(sets)}"),
    ]
    return Findings(
        facts=tuple(facts),
        figures=(Pairs(title="Influence estimates of memorized examples (Figures 4-6)", table="pairs"),)
        if rows
        else (),
        tables={"pairs": table},
        notes=tuple(_notes(params, selected.size)),
    )


def highest_influence(
    tr_idx: NDArray[np.int64], infl: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the unique training examples of pairs, ascending, and the highest influence of each.

    Args:
        tr_idx: int64 (n_pairs,).
        infl: float64 (n_pairs,).

    Returns:
        int64 and float64 (n_selected,): Appendix C's `idx_train_selected` and `max_infl_of_train_selected`.
    """
    selected, position = np.unique(tr_idx, return_inverse=True)
    highest = np.full(selected.size, -np.inf)
    np.maximum.at(highest, position, infl)
    return selected, highest


def pick(
    selected: NDArray[np.int64], highest: NDArray[np.float64], *, n_copies: int, n_egs: int
) -> list[tuple[str, NDArray[np.int64]]]:
    """Select training examples by Appendix C's rule: sets spread evenly over the order by highest influence.

        idx_sort_selected = np.argsort(-max_infl_of_train_selected)
        base_idxs = np.linspace(0, len(idx_train_selected) - n_copies, n_egs).astype(int)
        set c: idx_train_selected[idx_sort_selected[x + c]] for x in base_idxs

    The sort is stable: equal influences stay in the data set's order.

    Args:
        selected: int64 (n,), training examples.
        highest: float64 (n,), the highest influence of each.
        n_copies: number of sets.
        n_egs: examples in each set.

    Returns:
        Name and examples of each set, int64 (n_egs,). With fewer than n_copies + n_egs - 1 examples, which is too few
        for n_egs different ones in a set, one set of all examples. No set without examples.
    """
    order = selected[np.argsort(-highest, kind="stable")]
    if not order.size:
        return []
    if order.size < n_copies + n_egs - 1:
        return [("all", order)]
    base = np.linspace(0, order.size - n_copies, n_egs).astype(int)
    return [(f"set {copy + 1}", order[base + copy]) for copy in range(n_copies)]


def _rows(release: Scores, sets: list[tuple[str, NDArray[np.int64]]], n_test: int) -> list[dict[str, Any]]:
    """Return one row for each selected pair; scores are computed class by class."""
    chosen = [(group, int(i)) for group, members in sets for i in members]
    names = release.class_names
    most: dict[int, list[dict[str, Any]]] = {}
    for label in sorted({int(release.labels[i]) for _, i in chosen}):
        matrix, error = release.influence(label), release.influence_standard_error(label)
        for i in {i for _, i in chosen if release.labels[i] == label}:
            row = int(np.searchsorted(matrix.tr_idx, i))
            most[i] = [
                {
                    "tr_idx": i,
                    "mem": float(release.mem[i]),
                    "mem_se": number(release.mem_se[i]),
                    "tt_idx": int(matrix.tt_idx[j]),
                    "infl": float(matrix.infl[row, j]),
                    "infl_se": number(error[row, j]),
                    "label": label,
                    "class": names[label],
                }
                for j in np.argsort(-matrix.infl[row], kind="stable")[:n_test]
            ]
    return [{"group": group, **row} for group, i in chosen for row in most[i]]


def _notes(params: Params, n_selected: int) -> list[str]:
    notes = [
        "Picked by Appendix C's rule, without a choice by hand: the training examples of the pairs are sorted by the "
        f"highest influence that each has, and {params.n_copies} sets of {params.n_egs}, neighbours in that order, are "
        "spread evenly over it. Equal influences are in the data set's order.",
        f"Each is shown with the {params.n_test_egs} test examples of its class that it influences most, whether or "
        "not they are above the threshold.",
    ]
    enough = params.n_copies + params.n_egs - 1
    if 0 < n_selected < enough:
        notes.append(f"The rule needs {enough} training examples; there are {n_selected}, and all are shown.")
    elif enough <= n_selected < params.n_copies * params.n_egs:
        notes.append("There are few training examples, so the sets overlap.")
    elif not n_selected:
        notes.append("There is no such pair, so nothing is shown.")
    return notes
