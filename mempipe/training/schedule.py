"""The learning rate of every step (App. B), and how many steps there are."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from mempipe.spec import Constant, Recipe, WarmupLinear, WarmupSteps


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
    return (recipe.learning_rate * scale).astype(np.float32)


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
