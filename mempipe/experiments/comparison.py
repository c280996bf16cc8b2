"""Compares releases: checks that their positions are the same examples, and measures the agreement of their scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import InputError
from mempipe.experiments.agreement import Agreement, agreement

if TYPE_CHECKING:
    from mempipe.release.scores import Scores

_CELLS_AT_ONCE: Final = 2**20

GRID: Final = tuple(k / 20 for k in range(21))
"""Thresholds 0, 0.05, … 1, each the float64 nearest to its decimal value."""


def require_same_data(release: Scores, other: Scores) -> None:
    """Check that two releases are of one data set, so that they can be compared by position.

    The fingerprint covers content and order. If a release has none, because its predictions are of other software,
    only sizes and labels are compared.

    Raises:
        InputError: the data sets or their sizes differ, or both are the same release.
    """
    _require_another(release, other)
    mine, theirs = release.data, other.data
    if mine.fingerprint is not None and theirs.fingerprint is not None and mine.fingerprint != theirs.fingerprint:
        raise InputError(
            f"Releases cannot be compared: {other.uri} data fingerprint is {theirs.fingerprint[:16]}… ({theirs.name}), "
            f"expected {mine.fingerprint[:16]}… ({mine.name}), that of {release.uri}.",
            hint="compare releases of one data set in one order, so that equal positions are equal examples.",
        )
    require_same_labels(release, other)


def require_same_labels(release: Scores, other: Scores) -> None:
    """Check that two releases have the same sizes and labels; their content may differ, as images and features do.

    The authors' files do not give the number of classes, so empty classes at the end are unknown.

    Raises:
        InputError: sizes or labels differ, or both are the same release.
    """
    _require_another(release, other)
    other_sizes, own_sizes = ((scores.n_train, scores.n_test, scores.n_classes) for scores in (other, release))
    classes_known = release.manifest is not None and other.manifest is not None
    if other_sizes[:2] != own_sizes[:2] or (classes_known and other_sizes != own_sizes):
        raise InputError(
            f"Releases cannot be compared: {other.uri} sizes are {_sizes(other_sizes)}, "
            f"expected {_sizes(own_sizes)}, those of {release.uri}.",
            hint="compare releases of one data set.",
        )
    for part, one, two in (
        ("training", release.labels, other.labels),
        ("test", release.test_labels, other.test_labels),
    ):
        differ = np.flatnonzero(one != two)
        if differ.size:
            first = int(differ[0])
            raise InputError(
                f"Releases cannot be compared: {other.uri} label of {part} example {first} is {two[first]}, expected "
                f"{one[first]}, as in {release.uri} ({differ.size:,} labels differ).",
                hint="compare releases of one data set in one order.",
            )


def compare_memorization(release: Scores, other: Scores, thresholds: Sequence[float]) -> Agreement:
    """Compare the memorization of all training examples (section 3.5: I_mem, J_mem, D_mem)."""
    return agreement(thresholds, release.mem, other.mem)


def compare_influence(
    release: Scores, others: Sequence[Scores], thresholds: Sequence[float], *, min_mem: float | None
) -> list[Agreement]:
    """Compare the influence of all pairs of equal labels with each other release (section 3.5: I_infl, J_infl, D_infl).

    Works class by class and in bands of rows: memory holds at most the matrices of one class of two releases.

    Args:
        release: its scores are `first`.
        others: releases of the same labels; their scores are `second`.
        thresholds: theta, strictly ascending.
        min_mem: a pair is in a release's set only if its training example has at least this memorization by that
            release (0.25 in section 3.5); None: no condition on memorization (section 3.6).

    Returns:
        One agreement for each other release.
    """
    agreements = [Agreement.empty(thresholds) for _ in others]
    for label in np.intersect1d(release.labels, release.test_labels).tolist():
        mine = release.influence(label)
        for k, other in enumerate(others):
            theirs = other.influence(label).infl
            for rows in _bands(*mine.infl.shape):
                first, second = mine.infl[rows], theirs[rows]
                allowed = (_allowed(one, mine.tr_idx[rows], first.shape, min_mem) for one in (release, other))
                first_allowed, second_allowed = allowed
                agreements[k] += agreement(
                    thresholds, first, second, first_allowed=first_allowed, second_allowed=second_allowed
                )
    return agreements


def trials_text(release: Scores) -> str:
    """Return the number of trials as text."""
    return "an unknown number of trials" if release.n_trials is None else f"{release.n_trials:,} trials"


def accuracy_text(release: Scores) -> str:
    """Return mean and standard deviation of the test accuracy over trials, and their number, as text."""
    accuracy: NDArray[np.float64] = release.trials["test_accuracy"].to_numpy()
    if not accuracy.size:
        return "unknown"
    if accuracy.size < 2:
        return f"{accuracy.mean():.2%} (1 trial)"
    return f"{accuracy.mean():.2%} ± {accuracy.std(ddof=1):.2%} (mean ± s.d. over {accuracy.size:,} trials)"


def independence_notes(release: Scores, other: Scores, name: str) -> list[str]:
    """Return notes on the independence of two releases: shared trials, shared subsets, different designs.

    Args:
        release: the release that others are compared with.
        other: another release.
        name: name of the other release in the notes.
    """
    first, second = release.trial_set, other.trial_set
    common = 0 if first is None or second is None else len(first.overlap(second))
    mine, theirs = release.subsets, other.subsets
    if common:
        return [f"{name}: trials in both releases: {common:,}; so they agree more than two runs would."]
    if "unknown" in (mine.design, theirs.design):
        return [f"{name}: how the subsets were drawn is not known of both releases, so they may have some in common."]
    if (mine.design, mine.ratio) != (theirs.design, theirs.ratio):
        return [
            f"{name}: the subsets are {theirs.design} of ratio {theirs.ratio}, and {mine.design} of ratio {mine.ratio} "
            "here: scores belong to a ratio, so part of the difference is that of the subsets."
        ]
    if mine.seed is not None and mine.seed == theirs.seed:
        return [
            f"{name}: the trials saw the same subsets as those here, as both are of seed {mine.seed}; so they "
            "agree more than with subsets drawn independently."
        ]
    return []


def _require_another(release: Scores, other: Scores) -> None:
    if other.id == release.id:
        raise InputError(
            f"Releases cannot be compared: {other.uri} id is {other.id}, expected a release other than "
            "the one that it is compared with.",
            hint="name a release of another run, or of another architecture.",
        )


def _allowed(
    release: Scores, tr_idx: NDArray[np.int64], shape: tuple[int, ...], min_mem: float | None
) -> NDArray[np.bool_] | None:
    if min_mem is None:
        return None
    return np.broadcast_to((release.mem[tr_idx] >= min_mem)[:, None], shape)


def _bands(n_rows: int, width: int) -> Iterator[slice]:
    step = max(1, _CELLS_AT_ONCE // max(1, width))
    for start in range(0, n_rows, step):
        yield slice(start, start + step)


def _sizes(sizes: tuple[int, int, int]) -> str:
    n_train, n_test, n_classes = sizes
    return f"{n_train} train, {n_test} test, {n_classes} classes"
