"""Fig. 2: test accuracy without the memorized examples, and without as many random examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mempipe.errors import InputError
from mempipe.experiments.result import Column, Fact, Findings, Lines, Series, Table
from mempipe.experiments.training import Training, TrainingResult
from mempipe.spec import Strict
from mempipe.subsets import removal

if TYPE_CHECKING:
    from mempipe.release.scores import Scores

TITLE: Final = "Marginal utility of the memorized examples"
PAPER: Final = "Section 3.2, Figure 2"


class Params(Strict):
    """Parameters of the experiment."""

    thresholds: tuple[Annotated[float, Field(ge=-1, le=1)], ...] = Field(
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        min_length=1,
        description="Memorization thresholds: examples at or above one are removed.",
    )
    repeats: int = Field(100, ge=2, le=10_000, description="Models for each threshold and kind of removal.")


def trainings(release: Scores, params: Params) -> list[Training]:
    """Return one training on all examples, and one for each threshold with two arms: memorized and random removals.

    Raises:
        InputError: no example reaches the lowest threshold.
    """
    if not _removals(release.mem, params.thresholds):
        raise InputError(
            f"Experiment cannot be made: release {release.uri} highest mem is {np.nanmax(release.mem):.3f}, "
            f"expected an example at or above a threshold ({', '.join(f'{value:g}' for value in params.thresholds)}).",
            hint="lower --thresholds.",
        )
    runs = [Training("nothing removed", removal(np.zeros(len(release.mem), np.bool_)), params.repeats)]
    for threshold, removed in _removals(release.mem, params.thresholds):
        runs.append(Training(f"mem >= {threshold:g}", removal(removed), 2 * params.repeats))
    return runs


def find(release: Scores, params: Params, results: Sequence[TrainingResult]) -> Findings:
    """Return mean and standard deviation of the test accuracy for each threshold and arm."""
    n = len(release.mem)
    removals = _removals(release.mem, params.thresholds)
    everything, *removal_results = results
    rows = [
        (threshold, int(removed.sum()), result.arm("removal").test_accuracy, result.arm("control").test_accuracy)
        for (threshold, removed), result in zip(removals, removal_results, strict=True)
    ]
    memorized = np.array([accuracy for _, _, accuracy, _ in rows])
    at_random = np.array([accuracy for _, _, _, accuracy in rows])
    full = everything.test_accuracy
    utility, utility_se = _difference(full, memorized)
    random_utility, random_utility_se = _difference(full, at_random)
    excess, excess_se = _difference(at_random, memorized)
    of_repeats = f"over {params.repeats} models"
    of_means = "standard error of that difference of means"
    table = Table(
        title="Test accuracy after removing the training examples at or above a memorization threshold",
        columns={
            "threshold": Column(meaning="memorization threshold", values=tuple(row[0] for row in rows)),
            "n_removed": Column(meaning="training examples removed", values=tuple(row[1] for row in rows)),
            "kept": Column(
                meaning="fraction of the training set that remains", values=tuple(1 - row[1] / n for row in rows)
            ),
            "without_memorized": Column.of(f"mean test accuracy without them, {of_repeats}", memorized.mean(axis=1)),
            "without_memorized_sd": Column.of(f"its standard deviation {of_repeats}", memorized.std(axis=1, ddof=1)),
            "without_random": Column.of(
                f"mean test accuracy without as many at random, {of_repeats}", at_random.mean(axis=1)
            ),
            "without_random_sd": Column.of(f"its standard deviation {of_repeats}", at_random.std(axis=1, ddof=1)),
            "utility": Column.of(
                "their marginal utility: mean test accuracy with everything - without_memorized (section 1.1)", utility
            ),
            "utility_se": Column.of(of_means, utility_se),
            "random_utility": Column.of(
                "that of as many at random: mean test accuracy with everything - without_random", random_utility
            ),
            "random_utility_se": Column.of(of_means, random_utility_se),
            "excess": Column.of("utility - random_utility, which is without_random - without_memorized", excess),
            "excess_se": Column.of(of_means, excess_se),
        },
    )
    k = int(np.argmin([abs(row[0] - release.thresholds.mem) for row in rows]))
    facts = (
        Fact(
            name=f"Marginal utility of mem ≥ {rows[k][0]:g}",
            value=f"{utility[k]:.2%} ± {utility_se[k]:.2%} of test accuracy (what removing these "
            f"{rows[k][1]:,} examples costs, ± standard error), {random_utility[k]:.2%} ± "
            f"{random_utility_se[k]:.2%} of as many at random",
        ),
        Fact(
            name="Everything kept",
            value=f"test accuracy {full.mean():.2%} ± {full.std(ddof=1):.2%} (mean ± s.d. {of_repeats}, "
            f"{n:,} training examples)",
        ),
    )
    skipped = len(set(params.thresholds)) - len(rows)
    notes = [
        "Bands are one standard deviation over models, as in the paper; a mean's own error is smaller.",
        "The marginal utility of a set is what its removal costs: test accuracy with everything less test accuracy "
        "without it (section 1.1, which gives 3.4 % for mem ≥ 0.3 on ImageNet, and 2.6 % for as many at random).",
    ]
    if skipped:
        notes.append(f"{skipped} thresholds are not shown: no example is that memorized.")
    return Findings(
        facts=facts,
        figures=(
            Lines(
                title="Test accuracy after removal (Figure 2, top)",
                table="accuracy",
                x="threshold",
                x_label="memorization threshold",
                y_label="test accuracy",
                series=(
                    Series(name="memorized removed", y="without_memorized", error="without_memorized_sd"),
                    Series(name="as many at random removed", y="without_random", error="without_random_sd"),
                ),
            ),
            Lines(
                title="Training set that remains (Figure 2, bottom)",
                table="accuracy",
                x="threshold",
                x_label="memorization threshold",
                y_label="fraction of the training set",
                series=(Series(name="kept", y="kept"),),
            ),
        ),
        tables={"accuracy": table},
        notes=tuple(notes),
    )


def _difference(
    more: NDArray[np.float64], less: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean(more) - mean(less) over the last axis, the models, and its standard error."""
    error = sum(part.var(axis=-1, ddof=1) / part.shape[-1] for part in (more, less))
    return more.mean(axis=-1) - less.mean(axis=-1), np.sqrt(error)


def _removals(mem: NDArray[np.float64], thresholds: Sequence[float]) -> list[tuple[float, NDArray[np.bool_]]]:
    """Return each threshold, ascending, with the mask mem >= threshold; thresholds that remove nothing are left out.

    An example without a score (NaN) is never removed for its memorization.
    """
    masks = [(threshold, mem >= threshold) for threshold in sorted(set(thresholds))]
    return [(threshold, removed) for threshold, removed in masks if removed.any()]
