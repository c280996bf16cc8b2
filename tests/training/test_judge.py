"""Correctness and margins of logits with known answers."""

import numpy as np
import pytest

from mempipe.training.judge import judge


def judged(logits: list[list[float]], labels: list[int]) -> tuple[list[bool], list[float], list[bool]]:
    found = judge(np.array(logits, dtype=np.float32), np.array(labels, dtype=np.int32), margins=True)
    correct, margin, finite = (part.numpy().tolist() for part in found)
    return correct, margin, finite


def test_the_first_of_equal_logits_wins() -> None:
    logits = [[1.0, 1.0, 0.0]] * 3
    assert judged(logits, [0, 1, 2])[0] == [True, False, False]
    assert judged([[0.0, 1.0, 1.0]] * 3, [0, 1, 2])[0] == [False, True, False]
    assert judged([[2.0, 2.0, 2.0]] * 3, [0, 1, 2])[0] == [True, False, False]


def test_it_is_argmax() -> None:
    random = np.random.default_rng(0)
    logits, labels = random.integers(0, 4, (500, 5)).astype(np.float32), random.integers(0, 5, 500)
    found = judge(logits, labels.astype(np.int32), margins=False)
    np.testing.assert_array_equal(found[0].numpy(), logits.argmax(axis=1) == labels)
    assert found[1].shape == (0,)


def test_the_margin_is_the_log_odds() -> None:
    logits = np.random.default_rng(1).normal(size=(50, 4)) * 3
    labels = np.arange(50) % 4
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    own = odds[np.arange(50), labels]
    _, margin, _ = judged(logits.tolist(), labels.tolist())
    np.testing.assert_allclose(margin, np.log(own) - np.log1p(-own), rtol=1e-4, atol=1e-5)


def test_the_margin_does_not_saturate_and_stays_finite_in_float16() -> None:
    _, margin, _ = judged([[60.0, 0.0, 0.0], [1e30, 0.0, 0.0], [-1e30, 0.0, 0.0]], [0, 0, 0])
    assert margin[0] == pytest.approx(60 - np.log(2))
    assert margin[1:] == [65504.0, -65504.0]
    assert np.isfinite(np.float16(margin)).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_told(bad: float) -> None:
    _, _, finite = judged([[0.0, bad], [0.0, 1.0]], [0, 0])
    assert finite == [False, True]
