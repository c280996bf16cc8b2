"""Section 3.3: accuracy with and without the training examples of the high-influence pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mempipe.errors import InputError
from mempipe.experiments.histogram import count_bins, edges_between
from mempipe.experiments.result import Bars, Column, Fact, Findings, Table
from mempipe.experiments.training import Training, TrainingResult
from mempipe.spec import Strict
from mempipe.subsets import removal

if TYPE_CHECKING:
    from mempipe.release.scores import Scores

TITLE: Final = "Marginal utility of the influencers"
PAPER: Final = "Section 3.3"

_EDGES: Final = edges_between(-1, 1, 0.1)
_NOTES: Final = (
    "After ± stands the standard deviation over models for an accuracy, and the standard error for a difference of "
    "means, for what is derived of it and for a share.",
    "The accuracies of one model on all and on the influenced tests are correlated: the error of the share takes that "
    "into account (delta method). Models with and without the influencers are not paired: trials of equal number share "
    "their initial weights, but only every second trial without the influencers has a partner. If that makes their "
    "accuracies alike, the errors are a little too large.",
    "The influenced tests were selected by estimates of the release. The models here were trained anew and see the "
    "whole training set less what is removed, not a part of it: what is measured is not what was selected for.",
    "The paper, for ResNet50 on CIFAR-100 and 100 models each: 76.06 ± 0.28 % with all, 73.52 ± 0.25 % without the "
    "influencers, a difference of 2.54 ± 0.20 %; on the influenced tests 72.14 ± 1.32 % and 45.38 ± 1.45 %, which "
    "contributes 2.38 ± 0.17 %. These are numbers of that data set and model, not expected of another. Its ± 0.17 is "
    "what the deviations of single models give, not an error of means.",
)


class Params(Strict):
    """Parameters of the experiment."""

    mem: float = Field(0.25, ge=-1, le=1, description="Least memorization of the training example of a pair.")
    infl: float = Field(0.15, ge=-1, le=1, description="Least influence of a pair.")
    repeats: int = Field(100, ge=2, le=10_000, description="Models with all examples, and for each kind of removal.")


@dataclass(frozen=True)
class _Arm:
    """One setting: its models' accuracy on all tests, and their correct influenced tests as a share of all tests."""

    name: str
    n_train: int
    whole: NDArray[np.float64]
    part: NDArray[np.float64]


@dataclass(frozen=True)
class _Loss:
    """Loss of accuracy by a removal, as differences of means, each with its standard error.

    Attributes:
        total: loss of accuracy on all tests.
        part: contribution of the influenced tests: their own loss times their share of the tests.
        share: part / total; None if `total` is at most two standard errors, so that the quotient is meaningless.
    """

    total: float
    total_se: float
    part: float
    part_se: float
    share: float | None
    share_se: float | None


def trainings(release: Scores, params: Params) -> list[Training]:
    """Return one training on all examples, and one with two arms: without the influencers, and the control.

    Raises:
        InputError: no pair reaches the thresholds.
    """
    tr_idx, _ = _unique(release, params)
    removed = np.zeros(len(release.mem), np.bool_)
    everything = Training("nothing removed", removal(removed), params.repeats)
    removed[tr_idx] = True
    return [everything, Training("influencers removed", removal(removed), 2 * params.repeats)]


def find(release: Scores, params: Params, results: Sequence[TrainingResult]) -> Findings:
    """Return accuracies with and without the influencers, on all tests and on the influenced tests."""
    tr_idx, tt_idx = _unique(release, params)
    everything, without = results
    n, n_test = len(release.mem), without.test_correct.shape[1]
    weight = len(tt_idx) / n_test
    correct = {
        "nothing removed": everything.test_correct,
        "influencers removed": without.arm("removal").test_correct,
        "as many at random removed": without.arm("control").test_correct,
    }
    arms = [
        _Arm(
            name=name,
            n_train=n if rows is everything.test_correct else n - len(tr_idx),
            whole=rows.mean(axis=1),
            part=rows[:, tt_idx].sum(axis=1) / n_test,
        )
        for name, rows in correct.items()
    ]
    losses = [_loss(arms[0], arm) for arm in arms[1:]]
    with_all, without_influencers, _ = (rows[:, tt_idx].mean(axis=0) for rows in correct.values())
    return Findings(
        facts=_facts(arms, losses, n_influencers=len(tr_idx), n=n, n_influenced=len(tt_idx), n_test=n_test),
        figures=(
            Bars(
                title="What each influenced test loses without the influencers (not in the paper)",
                table="losses",
                left="left",
                right="right",
                count="tests",
                x_label="accuracy with all - accuracy without the influencers",
                y_label="influenced tests",
            ),
        ),
        tables={
            "accuracy": _accuracy(arms, weight, params.repeats),
            "utility": _utility(arms[1:], losses, weight),
            "losses": _histogram(with_all - without_influencers),
            "tests": _tests(tt_idx, correct),
        },
        notes=_NOTES,
    )


def _unique(release: Scores, params: Params) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the unique training and test examples of the high-influence pairs (S_h and S'_h), ascending."""
    pairs = release.select_pairs(mem=params.mem, infl=params.infl)
    if pairs.num_rows == 0:
        raise InputError(
            f"Experiment cannot be made: release {release.uri} pairs with mem >= {params.mem:g} and "
            f"infl >= {params.infl:g} are 0, expected at least 1.",
            hint="lower --mem or --infl; `mempipe pairs RELEASE --mem M --infl I` lists pairs.",
        )
    return np.unique(pairs["tr_idx"].to_numpy()), np.unique(pairs["tt_idx"].to_numpy())


def _loss(full: _Arm, arm: _Arm) -> _Loss:
    """Return the loss by a removal; errors from the covariance of whole and part over the models of each setting."""
    total = float(full.whole.mean() - arm.whole.mean())
    part = float(full.part.mean() - arm.part.mean())
    covariance = sum(np.cov(item.part, item.whole) / len(item.whole) for item in (full, arm))
    (part_variance, mixed), (_, total_variance) = np.asarray(covariance).tolist()
    share = share_se = None
    if total > 2 * np.sqrt(total_variance):
        share = part / total
        variance = part_variance - 2 * share * mixed + share**2 * total_variance
        share_se = float(np.sqrt(max(variance, 0.0))) / total
    return _Loss(total, float(np.sqrt(total_variance)), part, float(np.sqrt(part_variance)), share, share_se)


def _facts(
    arms: Sequence[_Arm], losses: Sequence[_Loss], *, n_influencers: int, n: int, n_influenced: int, n_test: int
) -> tuple[Fact, ...]:
    full, without, control = arms
    loss, at_random = losses
    weight = n_influenced / n_test
    if loss.share is None or loss.share_se is None:
        share = "not determined: the whole difference is not above two standard errors"
    else:
        share = f"{loss.share:.1%} ± {loss.share_se:.1%} of the whole difference"
    return (
        Fact(
            name="Removed",
            value=f"{n_influencers:,} of {n:,} training examples, which influence {n_influenced:,} of {n_test:,} tests",
        ),
        Fact(
            name="Accuracy on all tests",
            value=f"{_of(full.whole)} with them, {_of(without.whole)} without, {_of(control.whole)} without as many "
            f"others ({len(full.whole)} models each)",
        ),
        Fact(name="Difference", value=f"{_pm(loss.total, loss.total_se)} of all tests"),
        Fact(
            name="Accuracy on the influenced tests",
            value=f"{_of(full.part / weight)} with them, {_of(without.part / weight)} without, "
            f"{_of(control.part / weight)} without as many others",
        ),
        Fact(
            name="Contribution of the influenced tests",
            value=f"{_pm(loss.part, loss.part_se)} of all tests: {share}",
        ),
        Fact(
            name="Control",
            value=f"removing as many at random costs {_pm(at_random.total, at_random.total_se)} of all tests and "
            f"{_pm(at_random.part / weight, at_random.part_se / weight)} of the influenced",
        ),
    )


def _accuracy(arms: Sequence[_Arm], weight: float, repeats: int) -> Table:
    own = [arm.part / weight for arm in arms]
    over = f"over {repeats} models"
    return Table(
        title="Test accuracy with and without the influencers",
        columns={
            "setting": Column(meaning="what is removed of the training set", values=tuple(arm.name for arm in arms)),
            "n_train": Column(meaning="training examples that remain", values=tuple(arm.n_train for arm in arms)),
            "all": _column(f"mean accuracy on all tests, {over}", [arm.whole.mean() for arm in arms]),
            "all_sd": _column(f"its standard deviation {over}", [arm.whole.std(ddof=1) for arm in arms]),
            "influenced": _column(f"mean accuracy on the influenced tests, {over}", [part.mean() for part in own]),
            "influenced_sd": _column(f"its standard deviation {over}", [part.std(ddof=1) for part in own]),
        },
    )


def _utility(arms: Sequence[_Arm], losses: Sequence[_Loss], weight: float) -> Table:
    return Table(
        title="What a removal costs: means with nothing removed less means without",
        columns={
            "setting": Column(meaning="what is removed of the training set", values=tuple(arm.name for arm in arms)),
            "all": _column("difference of the accuracy on all tests", [loss.total for loss in losses]),
            "all_se": _column("its standard error", [loss.total_se for loss in losses]),
            "influenced": _column("difference on the influenced tests", [loss.part / weight for loss in losses]),
            "influenced_se": _column("its standard error", [loss.part_se / weight for loss in losses]),
            "contribution": _column(
                "contribution of the influenced tests to `all`: `influenced` times their share of the tests",
                [loss.part for loss in losses],
            ),
            "contribution_se": _column("its standard error", [loss.part_se for loss in losses]),
            "share": _column(
                "contribution / all; none where `all` is not above two standard errors", [loss.share for loss in losses]
            ),
            "share_se": _column("its standard error", [loss.share_se for loss in losses]),
        },
    )


def _histogram(changes: NDArray[np.float64]) -> Table:
    # Accuracies are multiples of 1 / repeats: rounding puts their differences back onto the edges.
    counts = count_bins(changes.round(10), _EDGES)
    return Table(
        title="Influenced tests by what they lose without the influencers",
        columns={
            "left": _column("least loss of accuracy of the bin", _EDGES[:-1]),
            "right": _column("where the next bin begins (the last bin holds it)", _EDGES[1:]),
            "tests": Column(meaning="influenced tests", values=tuple(counts.tolist())),
        },
    )


def _tests(tt_idx: NDArray[np.int64], correct: dict[str, NDArray[np.bool_]]) -> Table:
    means = [rows[:, tt_idx].mean(axis=0) for rows in correct.values()]
    return Table(
        title="The influenced tests",
        columns={
            "tt_idx": Column(meaning="position in the test set", values=tuple(tt_idx.tolist())),
            "with_all": _column("share of the models on everything that are right", means[0]),
            "without_influencers": _column("share of the models without the influencers", means[1]),
            "without_random": _column("share of the models without as many at random", means[2]),
        },
    )


def _of(accuracies: NDArray[np.float64]) -> str:
    return _pm(accuracies.mean(), accuracies.std(ddof=1))


def _pm(value: float, error: float) -> str:
    return f"{value:.2%} ± {error:.2%}"


def _column(meaning: str, values: Sequence[float | None] | NDArray[np.float64]) -> Column:
    return Column.of(meaning, np.array(values, dtype=np.float64))
