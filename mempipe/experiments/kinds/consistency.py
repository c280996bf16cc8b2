"""Fig. 7: agreement of memorized examples and high-influence pairs with another run or architecture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
from pydantic import Field

from mempipe.errors import InputError
from mempipe.experiments.agreement import Agreement
from mempipe.experiments.comparison import (
    GRID,
    accuracy_text,
    compare_influence,
    compare_memorization,
    independence_notes,
    require_same_data,
)
from mempipe.experiments.result import Column, Fact, Findings, Lines, Series, Table
from mempipe.spec import Strict

if TYPE_CHECKING:
    from mempipe.experiments.training import Training, TrainingResult
    from mempipe.release.scores import Scores

TITLE: Final = "Consistency between runs and architectures"
PAPER: Final = "Section 3.5, Figure 7"
OTHERS: Final = ("releases",)

Threshold = Annotated[float, Field(ge=-1, le=1)]


class Params(Strict):
    """Parameters of the experiment."""

    releases: tuple[str, ...] = Field(
        (), description="Folders or URIs of releases, or folders of the authors' files, to compare with; at least one."
    )
    mem_thresholds: tuple[Threshold, ...] = Field(GRID, min_length=1, description="Memorization thresholds.")
    infl_thresholds: tuple[Threshold, ...] = Field(GRID, min_length=1, description="Influence thresholds.")
    min_mem: Threshold = Field(
        0.25, description="Least memorization of the training example of a pair, by the release that the pair is of."
    )
    min_infl: Threshold = Field(0.15, description="Influence from which on a pair counts as a high-influence pair.")


def trainings(release: Scores, params: Params) -> list[Training]:
    """Return no trainings: the releases suffice.

    Raises:
        InputError: no other release is given, or one is of another data set.
    """
    _others(release, params)
    return []


def find(release: Scores, params: Params, results: Sequence[TrainingResult]) -> Findings:  # noqa: ARG001
    """Return Jaccard similarity and mean difference at each threshold, for each other release."""
    others = _others(release, params)
    mem_grid = sorted({*params.mem_thresholds, params.min_mem})
    infl_grid = sorted({*params.infl_thresholds, params.min_infl})
    of_mem = [compare_memorization(release, other, mem_grid) for other in others]
    of_infl = compare_influence(release, others, infl_grid, min_mem=params.min_mem)
    names = _names(others)
    legend = [_legend(name, other, params) for name, other in zip(names, others, strict=True)]
    facts = [Fact(name=release.name, value=_about(release, params))]
    for name, other, mem, infl in zip(names, others, of_mem, of_infl, strict=True):
        facts += [
            Fact(name=name, value=_about(other, params)),
            Fact(name=f"{name}: memorized examples", value=_at(mem, params.min_mem, f"mem ≥ {params.min_mem:g}")),
            Fact(
                name=f"{name}: high-influence pairs",
                value=_at(infl, params.min_infl, f"infl ≥ {params.min_infl:g}, mem ≥ {params.min_mem:g}"),
            ),
        ]
    return Findings(
        facts=tuple(facts),
        figures=tuple(
            _lines(table, quantity, column, legend)
            for table, quantity in (("memorization", "memorization"), ("influence", "influence"))
            for column in ("jaccard", "difference")
        ),
        tables={
            "memorization": _table("Agreement of memorization by threshold", "examples", mem_grid, of_mem, names),
            "influence": _table("Agreement of influence by threshold", "pairs", infl_grid, of_infl, names),
        },
        notes=tuple(_notes(release, others, names, of_mem, of_infl, params)),
    )


def _others(release: Scores, params: Params) -> list[Scores]:
    from mempipe.release.open_scores import open_scores

    if not params.releases:
        raise InputError(
            "Consistency cannot be measured: params.releases is empty, expected at least one other release.",
            hint="name releases of the same data set, of another seed or architecture, by --releases URI,URI.",
        )
    others = [open_scores(uri) for uri in params.releases]
    for other in others:
        require_same_data(release, other)
    return others


def _names(others: list[Scores]) -> list[str]:
    """Return the releases' names if they are different, or else their ids."""
    names = [other.name for other in others]
    return [
        name if times == 1 else other.id
        for name, times, other in zip(names, map(Counter(names).get, names), others, strict=True)
    ]


def _n_pairs(release: Scores, params: Params) -> int:
    return int(release.select_pairs(mem=params.min_mem, infl=params.min_infl).num_rows)


def _legend(name: str, release: Scores, params: Params) -> str:
    """Return the paper's legend: `ResNet50 (1062 high-influence pairs, test accuracy 72.3 %)`."""
    accuracy = release.trials["test_accuracy"].to_numpy()
    percent = f"{100 * float(np.mean(accuracy)):.1f} %" if accuracy.size else "unknown"
    return f"{name} ({_n_pairs(release, params)} high-influence pairs, test accuracy {percent})"


def _about(release: Scores, params: Params) -> str:
    return f"{_n_pairs(release, params):,} high-influence pairs, test accuracy {accuracy_text(release)}"


def _at(item: Agreement, threshold: float, condition: str) -> str:
    k = item.at(threshold)
    first, second, both = (int(count[k]) for count in (item.n_first, item.n_second, item.n_both))
    if not item.n_either[k]:
        return f"none in either ({condition})"
    shares = [f"{both / n:.1%}" if n else "–" for n in (first, second)]
    return (
        f"Jaccard {item.jaccard[k]:.3f}, mean difference {item.mean_difference[k]:.4f} ({condition}: {first:,} here "
        f"and {second:,} there, {both:,} in both: {shares[0]} and {shares[1]})"
    )


def _table(title: str, things: str, grid: list[float], agreements: list[Agreement], names: list[str]) -> Table:
    columns = {"threshold": Column(meaning="theta", values=tuple(grid))}
    for k, (name, item) in enumerate(zip(names, agreements, strict=True), 1):
        columns |= {
            f"jaccard_{k}": Column.of(f"{name}: |both| / |either|; none where both sets are empty", item.jaccard),
            f"difference_{k}": Column.of(
                f"{name}: mean absolute difference of the estimates over either set (eq. 4)", item.mean_difference
            ),
            f"n_here_{k}": Column.of(f"{things} at or above theta by this release", item.n_first),
            f"n_there_{k}": Column.of(f"{things} at or above theta by {name}", item.n_second),
            f"n_both_{k}": Column.of(f"{things} in both sets", item.n_both),
            f"n_either_{k}": Column.of(f"{things} in either set", item.n_either),
        }
    return Table(title=title, columns=columns)


def _lines(table: str, quantity: str, column: str, legend: list[str]) -> Lines:
    label = {"jaccard": "Jaccard similarity", "difference": "average estimation difference"}[column]
    place = {"memorization": "top", "influence": "bottom"}[table]
    return Lines(
        title=f"{label[0].upper()}{label[1:]} of {quantity} (Figure 7, {place})",
        table=table,
        x="threshold",
        x_label=f"{quantity} threshold",
        y_label=label,
        series=tuple(Series(name=name, y=f"{column}_{k}") for k, name in enumerate(legend, 1)),
    )


def _notes(
    release: Scores,
    others: list[Scores],
    names: list[str],
    of_mem: list[Agreement],
    of_infl: list[Agreement],
    params: Params,
) -> list[str]:
    notes = [
        "A pair is in a release's set where its influence is at least theta and the memorization of its training "
        f"example at least {params.min_mem:g}, both by that release; labels are equal (section 3.5). The difference is "
        "the mean over the union of both sets (eq. 4). An empty union has neither, and the line has a gap.",
        "Lines have no error bars: what two runs of one architecture differ by is the yardstick for the others. "
        'Section 3.5 of the paper: "Jaccard similarity is not very reliable when sets are relatively small and, as a '
        'result, we see a drop near threshold 1.0 even though there is almost no difference in the estimates".',
        "In the paper every estimate is based on 2000 trials (section 3.5); fewer trials make more noise, and less "
        "agreement at every threshold. That yardstick is for architectures whose subsets were drawn "
        "independently, that is with another seed.",
    ]
    if (params.min_mem, params.min_infl) == (0.25, 0.15):
        notes.append(
            "In the paper two runs of 2000 trials each on CIFAR-100 selected 1095 and 1062 pairs, of which about 82 % "
            "were in the other set too; the threshold 0.15 was chosen for a Jaccard similarity of at least 0.7 "
            "(section 2)."
        )
    for name, other, mem, infl in zip(names, others, of_mem, of_infl, strict=True):
        if mem.n_undefined or infl.n_undefined:
            notes.append(
                f"{name}: left out, because one of the two releases has no score: training examples: "
                f"{mem.n_undefined:,}, pairs: {infl.n_undefined:,}."
            )
        if release.data.fingerprint is None or other.data.fingerprint is None:
            notes.append(
                f"{name}: a data set has no fingerprint, so positions were compared by labels only: sizes and labels "
                "are equal, and that is all we know."
            )
        notes += independence_notes(release, other, name)
    return notes
