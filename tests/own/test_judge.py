"""What a trainer gives is checked, and its outcomes follow the definitions of `mempipe.outcomes`."""

from typing import Any

import numpy as np
import pytest

from mempipe.outcomes import outcome
from mempipe.training.own import judge as judging
from mempipe.training.own.folder import MisfitError
from mempipe.training.own.judge import judge, shapes_of

LABELS = np.array([0, 1, 2, 1, 0])
ALL = ("correct", "margin", "prediction")


def judged(**arrays: Any) -> dict[str, Any]:
    """The outcomes of arrays of the training examples."""
    given = {f"train_{name}": np.asarray(array) for name, array in arrays.items()}
    return judge(given, "train", LABELS, 3, ALL if "correctness" not in arrays else ("correct",))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("block", [1, 2, 100])
def test_logits_in_blocks_give_the_defined_outcomes(
    dtype: type[Any], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "_BLOCK", block)
    logits = np.random.default_rng(0).normal(size=(5, 3)).astype(dtype)
    values = judged(logits=logits)
    wide = logits.astype(np.float32) if dtype is np.float16 else logits
    for name in ALL:
        np.testing.assert_array_equal(values[name], outcome(name).of_logits(wide, LABELS))


def test_margins_classes_and_correctness_are_taken_as_they_are() -> None:
    classes = np.array([0, 1, 0, 0, 0], np.uint8)
    values = judged(margins=np.array([3.0, 0.5, -1.0, -2.0, -0.1]), predictions=classes)
    assert values["correct"].tolist() == [True, True, False, False, True]
    assert values["margin"].tolist() == [3.0, 0.5, -1.0, -2.0, -0.1]
    assert values["prediction"].tolist() == classes.tolist()
    assert judged(correctness=[1, 0, 0, 1, 1])["correct"].tolist() == [True, False, False, True, True]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"logits": np.zeros((5, 3, 1))}, r"train_logits is float64 \(5, 3, 1\), expected shape \(5, 3\)"),
        ({"logits": np.zeros((5, 3), "V2")}, "expected float16, float32 or float64"),
        ({"logits": np.zeros((5, 3), complex)}, "train_logits is complex128, expected float16"),
        ({"correctness": [1, 0, 2, 0, 0]}, "train_correctness of example 2 is 2, expected 0 or 1"),
        ({"correctness": np.ones(5)}, "train_correctness is float64, expected bool"),
        ({"margins": np.zeros(5), "predictions": [0, 1, 3, 1, 0]}, "train_predictions of example 2 is 3, expected 0"),
        ({"margins": np.zeros(5), "predictions": [0, -1, 0, 1, 0]}, "train_predictions of example 1 is -1, expected 0"),
        ({"margins": [0, 0, 9.0, 0, 0], "predictions": [0, 1, 1, 1, 0]}, "train margin of example 2 is 9.0, expected"),
        ({"margins": [-9.0, 0, 0, 0, 0], "predictions": LABELS}, "train margin of example 0 is -9.0, expected"),
        ({"margins": [np.nan, 0, 0, 0, 0], "predictions": LABELS}, "train_margins of example 0 is nan, expected"),
    ],
)
def test_a_misfit_is_named(arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(MisfitError, match=message):
        judged(**arrays)


def test_the_arrays_of_each_output() -> None:
    assert shapes_of("logits", 5, 2, 3) == {"train_logits": (5, 3), "test_logits": (2, 3)}
    assert shapes_of("correctness", 5, 2, 3) == {"train_correctness": (5,), "test_correctness": (2,)}
    assert set(shapes_of("margins", 5, 2, 3)) == {
        f"{part}_{name}" for part in ("train", "test") for name in ("margins", "predictions")
    }
