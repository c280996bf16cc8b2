"""The learning rate of every step (App. B), how many steps there are, and on which size of images."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from mempipe.spec import Constant, Cosine, Recipe, Triangular, WarmupLinear, WarmupSteps


def total_steps(recipe: Recipe, *, subset_size: int) -> int:
    """Return the number of steps of every trial: ceil(epochs * m / batch_size), with the nominal m."""
    return -(-recipe.epochs * subset_size // recipe.batch_size)


def learning_rates(recipe: Recipe, *, subset_size: int) -> NDArray[np.float32]:
    """Return the learning rate of each step.

    With T steps, base rate r and position s = 0, …, T - 1 (Feldman & Zhang 2020, App. B):

    - `warmup_linear`: with w = warmup * T, the rate is r * s / w where s < w, then r * (T - s) / (T - w): it starts
      at exactly 0, reaches r at s = w, and would be 0 again at s = T. The first step of a warm-up moves nothing.
    - `warmup_steps`: with w = warmup_epochs * m / batch_size, r * s / w where s < w, else r; times `factor` for each
      of `decay_epochs` that has begun, that is, s * batch_size >= epoch * m.
    - `constant`: r.
    - `cosine`: with w = warmup * T, r * s / w where s < w, then with u = (s - w) / (T - w) the rate is
      r * (final + (1 - final) * (1 + cos(pi * u)) / 2): r at s = w, and would be final * r at s = T.
    - `triangular`: with w = peak * T, linear from start * r at s = 0 to r at s = w, then linear to what would be
      final * r at s = T.

    Args:
        recipe: epochs, batch size, base rate and schedule.
        subset_size: nominal m.

    Returns:
        float32 (total_steps,), each the rounded value of a float64 computation.
    """
    n_steps = total_steps(recipe, subset_size=subset_size)
    steps = np.arange(n_steps, dtype=np.float64)
    match recipe.schedule:
        case WarmupLinear(warmup=warmup):
            scale = _warmup_linear(steps, warmup * n_steps)
        case WarmupSteps() as schedule:
            scale = _warmup_steps(steps, schedule, Fraction(subset_size, recipe.batch_size))
        case Constant():
            scale = np.ones(n_steps)
        case Cosine(warmup=warmup, final=final):
            position = np.maximum(steps - warmup * n_steps, 0) / (n_steps - warmup * n_steps)
            down = final + (1 - final) * (1 + np.cos(np.pi * position)) / 2
            scale = np.where(steps < warmup * n_steps, steps / max(warmup * n_steps, 1), down)
        case Triangular(start=start, peak=peak, final=final):
            scale = np.interp(steps, [0, peak * n_steps, n_steps], [start, 1, final])
    return (recipe.learning_rate * scale).astype(np.float32)


@dataclass(frozen=True)
class SizedSteps:
    """Steps on training images of one size.

    Attributes:
        start, stop: the steps `start` to `stop - 1`.
        size: their height; None: images keep their own size.
    """

    start: int
    stop: int
    size: int | None


def sized_steps(recipe: Recipe, *, subset_size: int) -> list[SizedSteps]:
    """Return the steps of each size, in order; a size begins with the first step whose batch begins in its epochs."""
    n_steps = total_steps(recipe, subset_size=subset_size)
    if not recipe.sizes:
        return [SizedSteps(0, n_steps, None)]
    epochs = accumulate((phase.epochs for phase in recipe.sizes), initial=0)
    starts = [-(-epoch * subset_size // recipe.batch_size) for epoch in epochs]
    return [
        SizedSteps(start, stop, phase.size)
        for phase, (start, stop) in zip(recipe.sizes, pairwise([*starts[:-1], n_steps]), strict=True)
    ]


def _warmup_linear(steps: NDArray[np.float64], warm: float) -> NDArray[np.float64]:
    n_steps = len(steps)
    down = (n_steps - steps) / (n_steps - warm)
    return np.where(steps < warm, steps / warm, down) if warm > 0 else down


def _warmup_steps(steps: NDArray[np.float64], schedule: WarmupSteps, steps_per_epoch: Fraction) -> NDArray[np.float64]:
    warm = float(Fraction(schedule.warmup_epochs) * steps_per_epoch)
    scale = np.where(steps < warm, steps / warm, 1.0) if warm > 0 else np.ones(len(steps))
    for epoch in schedule.decay_epochs:
        scale[steps >= float(Fraction(epoch) * steps_per_epoch)] *= schedule.factor
    return scale
