"""bfloat16 against float32 on the same trials: other rounding, the same scores."""

import numpy as np
import pytest

from mempipe.bits import pack
from mempipe.scores.count import count_examples
from mempipe.scores.estimate import FloatArray, memorization, memorization_standard_error
from mempipe.scores.tally import TrialBatch
from mempipe.training.outcome import TrialOutcome
from mempipe.training.trainer import open_trainer
from tests.training.worlds import N_TEST, N_TRAIN, silent, spec, world

N_TRIALS = 40


def trained(precision: str, first: int) -> list[TrialOutcome]:
    recipe = {"epochs": 4, "batch_size": 10, "learning_rate": 0.1}
    model = {"name": "mlp", "hidden": [32]}
    settings = spec(trainer={"kind": "single"}, precision=precision, recipe=recipe, model=model)
    return list(open_trainer(settings, world()).train(range(first, first + N_TRIALS), silent))


def scores(outcomes: list[TrialOutcome]) -> tuple[FloatArray, FloatArray]:
    batch = TrialBatch(
        trials=np.array([outcome.trial for outcome in outcomes]),
        subset_mask=np.stack([pack(outcome.subset_mask) for outcome in outcomes]),
        train={"correct": np.stack([pack(outcome.train["correct"]) for outcome in outcomes])},
        test={"correct": np.stack([pack(outcome.test["correct"]) for outcome in outcomes])},
    )
    tally = count_examples([batch], source="here", n_train=N_TRAIN, n_test=N_TEST)
    return memorization(tally), memorization_standard_error(tally)


def test_scores_in_bfloat16_agree_within_their_error() -> None:
    """The two precisions share subsets, order and initial state.

    Mean square of the differences in units of their standard error: far below 1, and far below that of two sets of
    trials in one precision (here 0.008 and 0.27).
    """
    single, half = (trained(precision, 0) for precision in ("float32", "mixed_bfloat16"))
    others = trained("float32", N_TRIALS)
    margins = [np.stack([outcome.test["margin"] for outcome in outcomes]) for outcomes in (single, half)]
    assert (margins[0] != margins[1]).mean() > 0.9  # it is another arithmetic

    def mean_square(one: list[TrialOutcome], other: list[TrialOutcome]) -> float:
        (score, error), (other_score, other_error) = scores(one), scores(other)
        return float(np.nanmean((score - other_score) ** 2 / (error**2 + other_error**2)))

    assert np.nanmax(scores(single)[0]) > 0.5  # something is memorized
    paired, independent = mean_square(single, half), mean_square(single, others)
    assert paired < 0.1
    assert paired < independent / 2
    assert scores(half)[0] == pytest.approx(scores(single)[0], abs=0.25, nan_ok=True)
