"""The tables of a small, consistent release, with every special case that the suites look at."""

import numpy as np
import pandas as pd
import pytest

from mempipe.validation.expectations import ReleaseFacts

Tables = dict[str, pd.DataFrame]

N_TRIALS = 30
FACTS = ReleaseFacts(n_train=12, n_test=6, n_trials=N_TRIALS)


@pytest.fixture
def release() -> Tables:
    """Twelve examples of three classes; example 0 was in every subset, so it has no score."""
    n_in = np.array([30, *[21] * 11])
    n_out = N_TRIALS - n_in
    correct_in, correct_out = n_in.copy(), np.array([0, *range(11)]) % 10
    with np.errstate(invalid="ignore"):
        heldout = correct_out / n_out
        mem = correct_in / n_in - heldout
    examples = pd.DataFrame(
        {
            "idx": np.arange(12),
            "label": np.arange(12) % 3,
            "mem": mem,
            "mem_se": np.where(np.isnan(mem), np.nan, 0.1),
            "n_in": n_in,
            "n_out": n_out,
            "correct_in": correct_in,
            "correct_out": correct_out,
            "heldout_accuracy": heldout,
        }
    )
    tests = pd.DataFrame(
        {"idx": np.arange(6), "label": np.arange(6) % 3, "n_trials": [30] * 6, "n_correct": [30, 20, 10, 0, 5, 6]}
    ).assign(accuracy=lambda table: table["n_correct"] / 30)
    pairs = pd.DataFrame(
        {
            "tr_idx": [1, 1, 2],
            "tt_idx": [1, 4, 2],
            "label": [1, 1, 2],
            "tt_label": [1, 1, 2],
            "infl": [0.15, 0.5, 1.0],
            "infl_se": [0.1] * 3,
            "mem": mem[[1, 1, 2]],
            "mem_se": [0.1] * 3,
            "n_in": [21] * 3,
            "n_out": [9] * 3,
            "correct_in": [21, 20, 19],
            "correct_out": [9, 1, 0],
        }
    )
    above = mem >= 0.25
    classes = pd.DataFrame(
        {
            "label": [0, 1, 2],
            "name": ["zero", "one", "two"],
            "n_train": [4, 4, 4],
            "n_test": [2, 2, 2],
            "mean_mem": [np.nanmean(mem[k::3]) for k in range(3)],
            "n_mem_above_threshold": [int(above[k::3].sum()) for k in range(3)],
            "n_pairs": [0, 2, 1],
            "n_undefined": [1, 0, 0],
        }
    )
    return {"examples": examples, "test_examples": tests, "pairs": pairs, "classes": classes}
