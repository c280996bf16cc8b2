"""Distributions of all scores: memorization, influence of all counted pairs, and memorization by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mempipe.experiments.histogram import bins_table, count_bins, edges_between, occupied
from mempipe.experiments.result import Bars, Column, Fact, Findings, Lines, Series, Table
from mempipe.spec import Strict

if TYPE_CHECKING:
    from mempipe.experiments.training import Training, TrainingResult
    from mempipe.release.scores import Scores

TITLE: Final = "Histograms of memorization and influence"
PAPER: Final = "Section 3.1; the authors' page"
AUTOMATIC: Final = True


class Params(Strict):
    """Parameters of the experiment."""

    mem_width: float = Field(0.05, ge=0.001, le=1, description="Width of the bins of memorization.")
    infl_width: float = Field(0.01, ge=0.001, le=1, description="Width of the bins of influence.")
    mem: float = Field(0.25, ge=-1, le=1, description="Memorization from which on an example counts as memorized.")


def trainings(release: Scores, params: Params) -> list[Training]:  # noqa: ARG001 - the contract's
    """Return no trainings: the release suffices."""
    return []


def find(release: Scores, params: Params, results: Sequence[TrainingResult]) -> Findings:  # noqa: ARG001
    """Return both histograms and the memorization of each class, and count what has no score."""
    mem = release.mem
    n_undefined = int(np.isnan(mem).sum())
    mem_edges, infl_edges = edges_between(-1, 1, params.mem_width), edges_between(-1, 1, params.infl_width)
    infl_counts, n_pairs_undefined = _influences(release, infl_edges)
    n_pairs = int(infl_counts.sum())
    pairs = "all pairs of training and test examples"
    if release.scope == "class":
        pairs = "the pairs of equal labels"
    defined = mem[~np.isnan(mem)]
    facts = [
        Fact(name="Memorization", value=_summary(defined)),
        Fact(
            name=f"Memorized (mem ≥ {params.mem:g})",
            value=_share(int((mem >= params.mem).sum()), defined.size, "training examples with a score"),
        ),
        Fact(name="Influence", value=f"of {n_pairs:,} pairs: {pairs}"),
        Fact(
            name="Without a score",
            value=f"training examples: {n_undefined:,}, pairs: {n_pairs_undefined:,} (every trial saw the training "
            "example, or none)",
        ),
    ]
    common = {"left": "left", "right": "right", "count": "count"}
    return Findings(
        facts=tuple(facts),
        figures=(
            Bars(
                title="Histogram of memorization",
                table="memorization",
                **common,
                x_label="memorization",
                y_label="training examples",
                log=True,
            ),
            Bars(
                title="Histogram of influence",
                table="influence",
                **common,
                x_label="influence",
                y_label="pairs",
                log=True,
            ),
            Lines(
                title="Memorization by class",
                table="classes",
                x="rank",
                x_label="classes, the least memorized first",
                y_label="memorization; share of the class",
                series=(
                    Series(name="mean memorization", y="mean_mem"),
                    Series(name=f"share with mem ≥ {params.mem:g}", y="share_memorized"),
                ),
            ),
        ),
        tables={
            "memorization": bins_table(
                "Training examples by memorization",
                "memorization",
                "training examples",
                *occupied(mem_edges, count_bins(mem, mem_edges)),
            ),
            "influence": bins_table(
                f"Pairs by influence: {pairs}", "influence", "pairs", *occupied(infl_edges, infl_counts)
            ),
            "classes": _classes(release, params.mem),
        },
        notes=(
            "Bins are [left, right), the last one closed; those beyond the smallest and the largest score are left "
            "out. An example that every trial saw, or none, has no score; it is counted, and in no bin.",
            "Estimates scatter around their true values, so a histogram is wider than the true distribution.",
        ),
    )


def _influences(release: Scores, edges: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
    """Return the counts of influence in bins, and the number of pairs without a score."""
    counts, n_undefined = np.zeros(edges.size - 1, dtype=np.int64), 0
    for matrix in release.influences():
        counts += count_bins(matrix.infl, edges)
        n_undefined += int(np.isnan(matrix.infl).sum())
    return counts, n_undefined


def _classes(release: Scores, threshold: float) -> Table:
    """Return the distribution of memorization in each class with a score, ascending by mean, then by label."""
    names, labels, mem = release.class_names, release.labels, release.mem
    rows = []
    for label, name in enumerate(names):
        scores = mem[labels == label]
        defined = scores[~np.isnan(scores)]
        if defined.size:
            low, middle, high = np.quantile(defined, (0.1, 0.5, 0.9)).tolist()
            mean, spread = float(defined.mean()), float(defined.std(ddof=1)) if defined.size > 1 else None
            share = float((defined >= threshold).mean())
            rows.append((mean, label, name, scores.size, spread, low, middle, high, share, scores.size - defined.size))
    rows.sort(key=lambda row: row[:2])
    columns = list(zip(*rows, strict=True)) if rows else [()] * 10
    meanings = {
        "mean_mem": "mean memorization of its training examples with a score",
        "label": "label",
        "class": "name of the class",
        "n_train": "training examples of the class",
        "mem_sd": "standard deviation of memorization over these examples (not an error of the mean)",
        "mem_q10": "a tenth of them have this memorization or less",
        "mem_median": "median memorization",
        "mem_q90": "a tenth of them have this memorization or more",
        "share_memorized": f"share of them with mem >= {threshold:g}",
        "n_undefined": "training examples of the class without a score",
    }
    fields = {
        key: Column(meaning=meaning, values=tuple(values))
        for (key, meaning), values in zip(meanings.items(), columns, strict=True)
    }
    rank = Column(meaning="place by ascending mean memorization, from 1", values=tuple(range(1, len(rows) + 1)))
    return Table(title="Memorization of each class", columns={"rank": rank, **fields})


def _summary(defined: NDArray[np.float64]) -> str:
    if not defined.size:
        return "no training example has a score"
    return (
        f"mean {defined.mean():.4f}, median {np.median(defined):.4f}, from {defined.min():.3f} to {defined.max():.3f}, "
        f"over {defined.size:,} training examples"
    )


def _share(n: int, whole: int, of_what: str) -> str:
    return f"{n:,} of {whole:,} {of_what}" + (f" ({n / whole:.2%})" if whole else "")
