"""Fig. 8: memorization in the last layer: linear models on penultimate features against the whole network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from mempipe.errors import InputError
from mempipe.experiments.comparison import (
    GRID,
    accuracy_text,
    compare_influence,
    independence_notes,
    require_same_labels,
    trials_text,
)
from mempipe.experiments.result import Column, Fact, Findings, Lines, Series, Table
from mempipe.spec import Strict

if TYPE_CHECKING:
    from mempipe.experiments.training import Training, TrainingResult
    from mempipe.release.scores import Scores

TITLE: Final = "Whether the last layer suffices for memorization"
PAPER: Final = "Section 3.6, Figure 8"
OTHERS: Final = ("linear",)

Threshold = Annotated[float, Field(ge=-1, le=1)]


class Params(Strict):
    """Parameters of the experiment."""

    linear: str = Field("", description="Folder or URI of the release of linear models on penultimate features.")
    infl_thresholds: tuple[Threshold, ...] = Field(GRID, min_length=1, description="Influence thresholds.")
    mem: Threshold = Field(0.25, description="Memorization from which on an example counts as memorized.")
    infl: Threshold = Field(0.15, description="Influence from which on a pair counts as a high-influence pair.")


def trainings(release: Scores, params: Params) -> list[Training]:
    """Return no trainings: both releases suffice.

    Raises:
        InputError: no release is given, its labels differ from this release's, or its models are not linear.
    """
    _linear(release, params)
    return []


def find(release: Scores, params: Params, results: Sequence[TrainingResult]) -> Findings:  # noqa: ARG001
    """Return the agreement of influence at each threshold, and memorized examples and pairs of each release."""
    linear = _linear(release, params)
    grid = sorted({*params.infl_thresholds, params.infl})
    (agreement,) = compare_influence(release, [linear], grid, min_mem=None)
    k = agreement.at(params.infl)
    whole, head = "whole network", "linear models"
    facts = [
        *(
            Fact(name=f"Test accuracy, {name}", value=accuracy_text(one))
            for name, one in ((whole, release), (head, linear))
        ),
        *(
            Fact(
                name=f"Memorized examples, {name}",
                value=f"{int((one.mem >= params.mem).sum()):,} of {one.n_train:,} have mem ≥ {params.mem:g}",
            )
            for name, one in ((whole, release), (head, linear))
        ),
        *(
            Fact(
                name=f"High-influence pairs, {name}",
                value=f"{one.select_pairs(mem=-1, infl=params.infl).num_rows:,} of infl ≥ {params.infl:g}; "
                f"{one.select_pairs(mem=params.mem, infl=params.infl).num_rows:,} of them with mem ≥ {params.mem:g}",
            )
            for name, one in ((whole, release), (head, linear))
        ),
        Fact(
            name=f"Agreement of influence at {params.infl:g}",
            value=f"Jaccard {agreement.jaccard[k]:.3f}, mean difference {agreement.mean_difference[k]:.4f} "
            f"({int(agreement.n_both[k]):,} pairs in both of {int(agreement.n_either[k]):,} in either)"
            if agreement.n_either[k]
            else "no pair in either",
        ),
    ]
    return Findings(
        facts=tuple(facts),
        figures=tuple(
            Lines(
                title=title,
                table="influence",
                x="threshold",
                x_label="influence threshold",
                y_label=label,
                series=(Series(name=f"{whole} and {head}", y=column),),
            )
            for title, label, column in (
                ("Jaccard similarity of influence (Figure 8, left)", "Jaccard similarity", "jaccard"),
                (
                    "Average estimation difference of influence (Figure 8, right)",
                    "average estimation difference",
                    "difference",
                ),
            )
        ),
        tables={
            "influence": Table(
                title="Agreement of influence by threshold, without a condition on memorization",
                columns={
                    "threshold": Column(meaning="theta", values=tuple(grid)),
                    "jaccard": Column.of("|both| / |either|; none where both sets are empty", agreement.jaccard),
                    "difference": Column.of(
                        "mean absolute difference of the estimates over either set (eq. 4)", agreement.mean_difference
                    ),
                    "n_network": Column.of("pairs at or above theta by the whole network", agreement.n_first),
                    "n_linear": Column.of("pairs at or above theta by the linear models", agreement.n_second),
                    "n_both": Column.of("pairs in both sets", agreement.n_both),
                    "n_either": Column.of("pairs in either set", agreement.n_either),
                },
            )
        },
        notes=tuple(_notes(release, linear, params, agreement.n_undefined)),
    )


def _linear(release: Scores, params: Params) -> Scores:
    from mempipe.release.open_scores import open_scores

    if not params.linear:
        raise InputError(
            "Last layer cannot be compared: params.linear is empty, expected a release of linear models.",
            hint="name it by --linear URI.",
        )
    linear = open_scores(params.linear)
    require_same_labels(release, linear)
    model = _model(linear)
    if model not in {None, "linear"}:
        raise InputError(
            f"Last layer cannot be compared: {linear.uri} model is {model}, expected linear, on penultimate features.",
            hint=f"`mempipe experiment features {release.uri}` prints a spec of linear models; run it, and name its "
            "release by --linear.",
        )
    return linear


def _model(release: Scores) -> str | None:
    """Return the name of the model; None if the release has no spec, because mempipe did not train it."""
    name = ((release.spec or {}).get("model") or {}).get("name")
    return None if name is None else str(name)


def _notes(release: Scores, linear: Scores, params: Params, n_undefined: int) -> list[str]:
    notes = [
        f"Whole network: {_what(release)}. Linear models: {_what(linear)}.",
        "The linear models see features and the network sees images, so fingerprints cannot be compared; sizes and all "
        "labels are equal, and that a position means the same example in both follows from the features' having been "
        "made in the data set's order.",
        "Pairs are of equal labels, whatever the memorization of the training example, as in Figure 8.",
        f"± is one standard deviation over trials ({trials_text(release)} of the network, "
        f"{trials_text(linear)} linear).",
    ]
    if _model(linear) is None:
        notes.append(
            f"Release {linear.name} holds no spec, so it is not known that its models are linear: that it is "
            "what --linear asks for is taken on trust."
        )
    if (params.mem, params.infl) == (0.25, 0.15):
        notes.append(
            "The paper on CIFAR-100 (section 3.6): 4000 linear models on 70 % of the training data reach 75.8 ± 0.1 % "
            "and 4000 ResNet50 models 72.3 ± 0.3 % test accuracy; 38 training examples have memorization above 0.25 "
            "by linear models and 18,099 by ResNet50; linear models have 457 high-influence pairs, with no condition "
            "on memorization."
        )
    notes += independence_notes(release, linear, "Linear models")
    if n_undefined:
        notes.append(f"Pairs left out, because one of the two releases has no score: {n_undefined:,}.")
    return notes


def _what(release: Scores) -> str:
    """Return name, model and data set of a release, as text."""
    return f"release {release.name}, model {_model(release) or 'not known'}, data set {release.data.name}"
