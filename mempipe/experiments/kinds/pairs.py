"""Section 3.3, Fig. 3: numbers of high-influence pairs and of their examples, and the histogram of influence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mempipe.experiments.comparison import trials_text
from mempipe.experiments.histogram import bins_table, count_bins, edges_between
from mempipe.experiments.result import Bars, Column, Fact, Figure, Findings, Table
from mempipe.spec import Strict

if TYPE_CHECKING:
    from mempipe.experiments.training import Training, TrainingResult
    from mempipe.release.scores import Scores

TITLE: Final = "High-influence pairs and their statistics"
PAPER: Final = "Section 3.3, Figure 3"
AUTOMATIC: Final = True

_NEAR_DUPLICATES: Final = 0.4
_IN_THE_PAPER: Final = (
    "The paper (section 3.3, thresholds mem 0.25 and infl 0.15) reports for MNIST / CIFAR-100 / ImageNet: "
    "35 / 1015 / 1641 pairs; 33 / 888 / 1462 unique test examples (0.33 % / 8.88 % / 2.92 % of the test set); of those "
    "31 / 774 / 1298 influenced by a single training example. More than 80 % of its influences are below 0.4 "
    "(section 3.4). Its trials: 4000 / 4000 / 2000 (section 2)."
)


class Params(Strict):
    """Parameters of the experiment."""

    mem: float = Field(0.25, ge=-1, le=1, description="Least memorization of the training example.")
    infl: float = Field(0.15, ge=-1, lt=1, description="Least influence on the test example, of the same label.")
    width: float = Field(0.05, ge=0.001, le=1, description="Width of the histogram's bins.")


def trainings(release: Scores, params: Params) -> list[Training]:  # noqa: ARG001 - the contract's
    """Return no trainings: the release suffices."""
    return []


def find(release: Scores, params: Params, results: Sequence[TrainingResult]) -> Findings:  # noqa: ARG001
    """Return the pairs' statistics, the histogram of influence, and histograms of the number of pairs of an example."""
    pairs = release.select_pairs(mem=params.mem, infl=params.infl)
    infl: NDArray[np.float64] = pairs["infl"].to_numpy()
    by_train, by_test = _times(pairs["tr_idx"].to_numpy()), _times(pairs["tt_idx"].to_numpy())
    edges = edges_between(params.infl, 1, params.width)
    tables = {
        "histogram": bins_table(
            f"Pairs by influence, of mem >= {params.mem:g}, infl >= {params.infl:g} and equal labels",
            "influence",
            "pairs",
            edges,
            count_bins(infl, edges),
        ),
        "by_train": _times_table("training", by_train),
        "by_test": _times_table("test", by_test),
    }
    notes = [
        "Pairs are selected by estimates, which favours those that came out too large, most of all near the threshold "
        "(section 2); the counts have no error bar of their own, the experiment `consistency` shows how they repeat.",
    ]
    if (params.mem, params.infl) == (0.25, 0.15):
        notes.append(_IN_THE_PAPER)
    if not len(infl):
        notes.append("There is no such pair, so nothing is drawn.")
    return Findings(
        facts=tuple(_facts(release, params, infl, by_train, by_test)),
        figures=tuple(_figures()) if len(infl) else (),
        tables=tables,
        notes=tuple(notes),
    )


def _facts(
    release: Scores,
    params: Params,
    infl: NDArray[np.float64],
    by_train: NDArray[np.int64],
    by_test: NDArray[np.int64],
) -> list[Fact]:
    share = f" ({by_test.size / release.n_test:.2%} of {release.n_test:,})" if release.n_test else ""
    n_single = int((by_test == 1).sum())
    facts = [
        Fact(
            name="High-influence pairs",
            value=f"{infl.size:,} of mem ≥ {params.mem:g}, infl ≥ {params.infl:g} and equal labels, over "
            f"{trials_text(release)}",
        ),
        Fact(
            name="Unique training examples",
            value=f"{by_train.size:,} of the {int((release.mem >= params.mem).sum()):,} with mem ≥ {params.mem:g}",
        ),
        Fact(name="Unique test examples", value=f"{by_test.size:,}{share}"),
        Fact(
            name="Test examples with exactly one influencing example",
            value=f"{n_single:,} of {by_test.size:,}" + (f" ({n_single / by_test.size:.1%})" if by_test.size else ""),
        ),
    ]
    if infl.size:
        n_below = int((infl < _NEAR_DUPLICATES).sum())
        facts += [
            Fact(name="Most pairs of one training example", value=f"{int(by_train.max()):,}"),
            Fact(name="Most pairs of one test example", value=f"{int(by_test.max()):,}"),
            Fact(
                name=f"Influences below {_NEAR_DUPLICATES:g}",
                value=f"{n_below:,} of {infl.size:,} ({n_below / infl.size:.1%})",
            ),
        ]
    return facts


def _figures() -> list[Figure]:
    common = {"table": "histogram", "left": "left", "right": "right", "count": "count"}
    labels = {"x_label": "influence", "y_label": "pairs"}
    return [
        Bars(title="Histogram of the influences (Figure 3)", **common, **labels),
        Bars(
            title="Training examples by the number of their pairs",
            table="by_train",
            left="left",
            right="right",
            count="count",
            x_label="pairs of a training example",
            y_label="training examples",
        ),
    ]


def _times(idx: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of occurrences of each unique position."""
    return np.unique(idx, return_counts=True)[1].astype(np.int64)


def _times_table(part: str, times: NDArray[np.int64]) -> Table:
    """Return the number of examples in exactly 1, 2, … pairs, with the edges of a bar around each number."""
    count = np.bincount(times, minlength=1)[1:]
    n_pairs = np.arange(1, len(count) + 1)
    return Table(
        title=f"{part.capitalize()} examples by the number of their pairs",
        columns={
            "n_pairs": Column.of("pairs of an example", n_pairs),
            "count": Column.of(f"{part} examples in exactly so many pairs", count),
            "left": Column.of("left edge of the bar", n_pairs - 0.5),
            "right": Column.of("right edge of the bar", n_pairs + 0.5),
        },
    )
