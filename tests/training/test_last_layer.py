"""Features: what the last layer sees, equal to a forward pass that Keras makes of the final weights."""

from typing import Any

import numpy as np
import pytest

from mempipe.errors import SpecError
from mempipe.subsets import removal
from mempipe.training.normalize import fit_normalization
from mempipe.training.registry import build_model
from mempipe.training.trainer import open_trainer
from tests.training.worlds import N_CLASSES, N_TRAIN, as_bytes, silent, spec, world

pytestmark = pytest.mark.usefixtures("test_models")

EVERYTHING = removal(np.zeros(N_TRAIN, dtype=np.bool_)).model_dump()
SINGLE = {"kind": "single"}
CASES = [
    ({}, 8),
    ({"trainer": SINGLE}, 8),
    ({"trainer": SINGLE, "model": {"name": "noisy"}}, 64),
    ({"trainer": SINGLE, "model": {"name": "noisy"}, "precision": "mixed_bfloat16"}, 64),
    ({"model": {"name": "small_cnn", "filters": [3], "dense": 5}}, 5),
    ({"model": {"name": "linear"}}, 36),
    ({"trainer": SINGLE, "model": {"name": "linear"}}, 36),
]


def features(changes: dict[str, Any], trial: int) -> tuple[Any, Any]:
    trainer = open_trainer(spec(subsets=EVERYTHING, **changes), world())
    return trainer, trainer.features(trial, silent)


@pytest.mark.parametrize(("changes", "n_features"), CASES)
def test_a_forward_pass_of_the_final_weights(changes: dict[str, Any], n_features: int) -> None:
    """Keras predicts with the final weights in a model of its own; the same weights must give the trial's outcome."""
    import keras

    trainer, result = features(changes, trial=6)
    resolved, data = spec(subsets=EVERYTHING, **changes), world()
    model = build_model(resolved.model, data.image_shape, N_CLASSES, precision=resolved.precision)
    model.set_weights(trainer._model.get_weights())
    below = keras.Model(model.inputs, [model.layers[-2].output, model.outputs[0]])
    normalization = fit_normalization("standardize", data.train_images, pixel_max=255.0)
    coarse = resolved.precision != "float32"
    for images, labels, part, correct in (
        (data.train_images, data.train_labels, result.train, result.outcome.train["correct"]),
        (data.test_images, data.test_labels, result.test, result.outcome.test["correct"]),
    ):
        expected, logits = below.predict(normalization.apply(images), verbose=0)
        assert part.dtype == np.float32
        assert part.shape == (len(images), n_features)
        np.testing.assert_allclose(part, np.asarray(expected, np.float32), rtol=0.02 if coarse else 1e-5, atol=1e-5)
        assert np.abs(part).max() > 0
        if not coarse:
            assert np.array_equal(logits.argmax(axis=1) == labels, correct)
    assert result.outcome.subset_mask.all()


@pytest.mark.parametrize("changes", [{}, {"trainer": SINGLE, "model": {"name": "noisy"}}])
def test_the_trial_is_the_one_that_train_trains(changes: dict[str, Any]) -> None:
    """Also after others, and twice: the same bytes."""
    trainer, result = features(changes, trial=3)
    (outcome,) = trainer.train([3], silent)
    assert as_bytes(result.outcome) == as_bytes(outcome)
    list(trainer.train([4, 5], silent))
    again = trainer.features(3, silent)
    assert again.train.tobytes() == result.train.tobytes()
    assert again.test.tobytes() == result.test.tobytes()
    assert trainer.features(4, silent).train.tobytes() != result.train.tobytes()


def test_progress_is_one_trial() -> None:
    parts: list[float] = []
    open_trainer(spec(subsets=EVERYTHING), world()).features(1, parts.append)
    assert sum(parts) == pytest.approx(1)


def test_a_model_that_does_not_end_with_dense_has_none() -> None:
    trainer = open_trainer(spec(trainer=SINGLE, model={"name": "scaled"}), world())
    with pytest.raises(SpecError, match=r"its last layer rescaling.* is Rescaling, expected Dense"):
        trainer.features(0, silent)
