"""The bank's size in closed form, and what a run keeps whose spec does not say."""

import numpy as np
import pytest

from mempipe.outcomes import outcome
from mempipe.runs.bank import BANK, bank_bytes, default_outcomes
from mempipe.spec import Component, Own, Spec


def own(output: str) -> Spec:
    trainer = Own(kind="own", entry="lab:train", version="1", output=output)
    return Spec(name="own", data=Component(name="digits"), trainer=trainer)


@pytest.mark.parametrize(("n_classes", "class_bytes"), [(2, 1), (256, 1), (257, 2), (65536, 2), (65537, 4)])
def test_the_size_is_that_of_the_arrays(n_classes: int, class_bytes: int) -> None:
    n_trials, n_examples = 7, 31
    size = bank_bytes(n_examples=n_examples, n_classes=n_classes, n_trials=n_trials)
    assert size == n_trials * n_examples * (2 + class_bytes)
    zeros = np.zeros((n_trials, n_examples))
    assert size == sum(outcome(name).encode(zeros, n_classes).nbytes for name in BANK if name != "correct")


def test_the_limit_is_one_gigabyte() -> None:
    sizes = {"n_examples": 62500, "n_classes": 1000, "n_trials": 4000}
    assert bank_bytes(**sizes) == 10**9
    assert default_outcomes(own("logits"), **sizes) == BANK
    assert default_outcomes(own("logits"), **sizes | {"n_trials": 4001}) == ("correct",)
    assert default_outcomes(own("logits"), **sizes | {"n_examples": 62501}) == ("correct",)


@pytest.mark.parametrize(("output", "expected"), [("logits", BANK), ("margins", BANK), ("correctness", ("correct",))])
def test_a_trainer_of_correctness_has_no_more_to_keep(output: str, expected: tuple[str, ...]) -> None:
    assert default_outcomes(own(output), n_examples=10, n_classes=2, n_trials=10) == expected
