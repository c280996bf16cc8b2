"""The trainers' outcomes of logits are what `mempipe.outcomes` defines, ties and extremes included."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mempipe.outcomes import available, outcome
from mempipe.training.judge import judge


def judged(logits: Any, labels: Any) -> tuple[dict[str, NDArray[Any]], list[bool]]:
    values, finite = judge(np.asarray(logits, dtype=np.float32), np.asarray(labels, dtype=np.int32), available())
    return {name: value.numpy() for name, value in values.items()}, finite.numpy().tolist()


def test_the_first_of_equal_logits_wins() -> None:
    for logits, winner in (([1.0, 1.0, 0.0], 0), ([0.0, 1.0, 1.0], 1), ([2.0, 2.0, 2.0], 0)):
        judgment, _ = judged([logits] * 3, [0, 1, 2])
        assert judgment["correct"].tolist() == [label == winner for label in range(3)]
        assert judgment["prediction"].tolist() == [winner] * 3


@pytest.mark.parametrize("shape", [(500,), (3, 200)])
def test_it_is_what_numpy_says(shape: tuple[int, ...]) -> None:
    """Integer logits, so that most rows have ties."""
    random = np.random.default_rng(0)
    logits = random.integers(0, 4, (*shape, 5)).astype(np.float32)
    labels = random.integers(0, 5, shape[-1])
    judgment, finite = judged(logits, labels)
    assert judgment.keys() == set(available())
    for name, values in judgment.items():
        expected = outcome(name).of_logits(logits, labels)
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6, err_msg=name)
    np.testing.assert_array_equal(judgment["correct"], judgment["prediction"] == labels)
    assert np.all(finite)


def test_the_margin_is_the_log_odds() -> None:
    logits = np.random.default_rng(1).normal(size=(50, 4)) * 3
    labels = np.arange(50) % 4
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    own = odds[np.arange(50), labels]
    for margin in (judged(logits, labels)[0]["margin"], outcome("margin").of_logits(logits, labels)):
        np.testing.assert_allclose(margin, np.log(own) - np.log1p(-own), rtol=1e-4, atol=1e-5)


def test_the_margin_does_not_saturate_and_is_kept_finite_in_float16() -> None:
    judgment, _ = judged([[60.0, 0.0, 0.0], [1e30, 0.0, 0.0], [-1e30, 0.0, 0.0]], [0, 0, 0])
    assert judgment["margin"][0] == pytest.approx(60 - np.log(2))
    encoded = outcome("margin").encode(judgment["margin"], 3)
    assert encoded.dtype == np.float16
    assert encoded[1:].tolist() == [65504.0, -65504.0]


@pytest.mark.parametrize(("n_classes", "dtype"), [(1, "uint8"), (256, "uint8"), (257, "uint16"), (65537, "uint32")])
def test_a_prediction_takes_the_smallest_type(n_classes: int, dtype: str) -> None:
    encoded = outcome("prediction").encode(np.array([0, n_classes - 1]), n_classes)
    assert encoded.dtype == dtype
    assert encoded.tolist() == [0, n_classes - 1]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_told(bad: float) -> None:
    assert judged([[0.0, bad], [0.0, 1.0]], [0, 0])[1] == [False, True]
