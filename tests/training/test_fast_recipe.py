"""The keys of fast recipes by oracles in numpy: loss, decay, rates, cutout, flip, sizes, mirrored judging."""

from collections import Counter
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from mempipe.errors import SpecError
from mempipe.spec import Augmentation, Recipe
from mempipe.storage.memory import open_uri
from mempipe.subsets import Stream, raw_words
from mempipe.training.checkpoints import Checkpoints
from mempipe.training.loss import cross_entropy
from mempipe.training.order import ExampleOrder
from mempipe.training.single import trainer as single
from mempipe.training.single.augment import augment
from mempipe.training.single.loop import TrainingLoop
from mempipe.training.single.resize import resized
from mempipe.training.trainer import open_trainer
from tests.training.worlds import as_bytes, silent, spec, steps_on_all, world

FAST = {
    "epochs": 3,
    "batch_size": 10,
    "learning_rate": 0.05,
    "nesterov": True,
    "weight_decay": 0.01,
    "decay_scope": "all",
    "bias_rate": 8,
    "label_smoothing": 0.2,
    "schedule": {"kind": "triangular"},
}
AUGMENTED = FAST | {
    "augmentation": {"crop_padding": 1, "crop_fill": "reflect", "flip": "alternating", "cutout": 2},
    "sizes": [{"epochs": 2, "size": 4}, {"epochs": 1, "size": 6}],
    "evaluation": {"flip": True},
}
POOLED = {"name": "pooled"}
pytestmark = pytest.mark.usefixtures("test_models")


def test_smoothed_labels_give_a_part_of_each_label_to_all_classes() -> None:
    random = np.random.default_rng(0)
    logits, labels = 3 * random.normal(size=(2, 6, 5)).astype(np.float32), random.integers(0, 5, (2, 6))
    targets = 0.7 * np.eye(5)[labels] + 0.3 / 5
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(
        cross_entropy(tf.constant(logits), tf.constant(labels), smoothing=0.3), -(targets * log_p).sum(-1), rtol=1e-5
    )


@pytest.mark.parametrize("scope", ["kernels", "all"])
def test_a_step_is_the_one_of_the_formula(scope: str) -> None:
    """A linear model with bias: v <- mu v - r (f g + d w), w <- w + mu v - r (f g + d w), with f = 8 for the bias."""
    recipe = Recipe.model_validate(FAST | {"decay_scope": scope, "epochs": 1})
    model = keras.Sequential([keras.layers.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    rate, momentum, decay = 0.3, recipe.momentum, recipe.weight_decay
    loop = TrainingLoop(model, recipe, np.full(4, rate, np.float32), precision="float32", outcomes=("correct",))
    random = np.random.default_rng(1)
    images, labels = random.normal(size=(10, 2, 2, 1)).astype(np.float32), random.integers(0, 3, 10)
    kernel, bias = random.normal(size=(4, 3)).astype(np.float32), random.normal(size=3).astype(np.float32)
    loop.begin([kernel, bias])
    steps_on_all(loop, images, labels, 2)

    weights, velocities = [kernel.astype(float), bias.astype(float)], [0.0, 0.0]
    flat, targets = images.reshape(10, 4), 0.8 * np.eye(3)[labels] + 0.2 / 3
    for _ in range(2):
        logits = flat @ weights[0] + weights[1]
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        error = (p - targets) / 10
        gradients = [
            flat.T @ error + decay * weights[0],
            8 * error.sum(0) + (decay * weights[1] if scope == "all" else 0),
        ]
        velocities = [momentum * v - rate * g for v, g in zip(velocities, gradients, strict=True)]
        weights = [w + momentum * v - rate * g for w, v, g in zip(weights, velocities, gradients, strict=True)]
    for variable, expected in zip(loop.state, weights, strict=False):
        np.testing.assert_allclose(variable, expected, rtol=2e-5, atol=1e-6)


def test_the_ensemble_trains_the_same_models_with_the_keys_that_it_takes() -> None:
    ours, theirs = (
        open_trainer(spec(recipe=FAST, trainer=kind), world()).train([1, 6], silent)
        for kind in ({"kind": "ensemble", "width": 4}, {"kind": "single"})
    )
    for one, other in zip(ours, theirs, strict=True):
        for values, other_values in ((one.train, other.train), (one.test, other.test)):
            assert np.abs(values["margin"]).max() > 1
            np.testing.assert_allclose(values["margin"], other_values["margin"], atol=1e-2)


def test_cutout_covers_each_place_within_the_image_equally_often() -> None:
    """4 x 3 places, 3,600 draws: each count within 5 standard deviations of 300 (false alarm below 1e-5); fixed key."""
    pixels = np.arange(1, 5 * 4 * 2 + 1, dtype=np.float32).reshape(1, 5, 4, 2).repeat(3600, axis=0)
    results = augment(tf.constant(pixels), Augmentation(cutout=2), key=3, step=0).numpy()
    places = {}
    for top in range(4):
        for left in range(3):
            expected = pixels[0].copy()
            expected[top : top + 2, left : left + 2] = 0
            places[expected.tobytes()] = top, left
    counts = Counter(places[result.tobytes()] for result in results)
    assert len(counts) == 12
    assert max(abs(count - 300) for count in counts.values()) < 5 * np.sqrt(300)
    square = pixels[:, 1:]
    assert not augment(tf.constant(square), Augmentation(cutout=4), key=3, step=0).numpy().any()


def test_a_crop_can_be_filled_with_what_the_border_mirrors() -> None:
    pixels = np.random.default_rng(0).normal(size=(40, 5, 4, 2)).astype(np.float32)
    results = augment(tf.constant(pixels), Augmentation(crop_padding=2, crop_fill="reflect"), key=3, step=0).numpy()
    for image, result in zip(pixels, results, strict=True):
        padded = np.pad(image, [(2, 2), (2, 2), (0, 0)], mode="reflect")
        windows = [padded[top : top + 5, left : left + 4] for top in range(5) for left in range(5)]
        assert any(np.array_equal(window, result) for window in windows)


def test_alternating_flip_shows_each_example_both_sides_in_turn() -> None:
    """Every two epochs in a row show each example once as it is and once mirrored; the first side is a fair coin."""
    mask = np.random.default_rng(0).random(3000) < 0.7
    m = int(mask.sum())
    order = ExampleOrder(mask, seed=5, trial=3)
    n_steps = 4 * m // 7
    batches = order.batches(0, n_steps, 7)
    examples, mirrored = batches.ravel(), order.mirrored(batches, 0).ravel()
    sides = np.full((4, 3000), -1)
    for epoch in range(3):
        span = slice(epoch * m, (epoch + 1) * m)
        sides[epoch, examples[span]] = mirrored[span]
    np.testing.assert_array_equal(sides[0, mask] + sides[1, mask], 1)
    np.testing.assert_array_equal(sides[0, mask], sides[2, mask])
    assert abs(sides[0, mask].mean() - 0.5) < 5 * 0.5 / np.sqrt(m)
    np.testing.assert_array_equal(order.mirrored(batches[60:90], 60).ravel(), mirrored[60 * 7 : 90 * 7])
    other = ExampleOrder(mask, seed=5, trial=4)
    theirs = other.batches(0, m // 7, 7)
    agree = other.mirrored(theirs, 0).ravel()[np.argsort(theirs.ravel())][:500].mean()
    assert 0.3 < agree < 0.7


@pytest.mark.parametrize("flip", [True, "alternating"])
def test_coins_are_drawn_for_alternating_flip_alone(flip: bool | str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def recorded(seed: int, stream: Stream, *path: int, count: int) -> NDArray[np.uint64]:
        drawn.append(stream)
        return raw_words(seed, stream, *path, count=count)

    monkeypatch.setattr("mempipe.training.order.raw_words", recorded)
    recipe = {"epochs": 2, "batch_size": 10, "learning_rate": 0.1, "augmentation": {"flip": flip}}
    list(open_trainer(spec(recipe=recipe, trainer={"kind": "single"}), world()).train([1], silent))
    assert Stream.ORDER in drawn
    assert drawn.count(Stream.AUGMENTATION) == (flip == "alternating")


def test_the_mirrored_images_are_the_ones_named() -> None:
    pixels = np.random.default_rng(0).normal(size=(6, 3, 4, 2)).astype(np.float32)
    mirrored = np.array([True, False, False, True, True, False])
    results = augment(tf.constant(pixels), Augmentation(flip="alternating"), key=3, step=0, mirrored=mirrored)
    np.testing.assert_array_equal(results, np.where(mirrored[:, None, None, None], pixels[:, :, ::-1], pixels))


@pytest.mark.parametrize(("height", "width"), [(4, 3), (7, 5), (12, 9), (1, 1)])
def test_sizes_are_those_of_tensorflow_with_antialiasing(height: int, width: int) -> None:
    """The oracle is `tf.image.resize`; 8 x 6 pixels."""
    pixels = np.random.default_rng(0).normal(size=(3, 8, 6, 2)).astype(np.float32)
    expected = tf.image.resize(pixels, (height, width), antialias=True)
    np.testing.assert_allclose(resized(tf.constant(pixels), height), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("precision", "after", "rest"), [("float32", 2, [8, 2, 4, 1]), ("mixed_bfloat16", 3, [10, 4, 1])]
)
def test_a_fast_trial_resumes_at_any_step_to_the_same_bytes(
    precision: str, after: int, rest: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 steps on images of 4 pixels, then 5 on images of 6; segments of at most 4 steps end where a size does."""
    settings = spec(
        model=POOLED,
        trainer={"kind": "single", "checkpoint_minutes": 1e-9},
        recipe=AUGMENTED,
        precision=precision,
    )
    (whole,) = single.SingleTrainer(settings, world(), device="cpu", checkpoints=None).train([4], silent)
    monkeypatch.setattr(single, "SEGMENT_STEPS", 4)
    checkpoints = Checkpoints(open_uri(f"memory://fast-{precision.replace('_', '-')}"))
    trainer = single.SingleTrainer(settings, world(), device="cpu", checkpoints=checkpoints)
    parts: list[float] = []

    def stop(part: float) -> None:
        parts.append(part)
        if len(parts) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(trainer.train([4], stop))
    progress: list[float] = []
    (resumed,) = trainer.train([4], progress.append)
    np.testing.assert_allclose(np.multiply(progress, 15), rest, atol=1e-9)
    assert as_bytes(resumed) == as_bytes(whole)


def test_judging_takes_the_mean_of_an_image_and_its_mirror_image() -> None:
    """Of an untrained model on mirrored data the margins are the same, bit by bit up to the order of two summands."""
    still = {"epochs": 1, "batch_size": 10, "learning_rate": 1e-30, "evaluation": {"flip": True}}
    mirrored = replace(world(), test_images=world().images.test[:, :, ::-1])
    margins = {}
    for name, data in {"plain": world(), "mirrored": mirrored}.items():
        for flip in (True, False):
            settings = spec(trainer={"kind": "single"}, recipe=still | {"evaluation": {"flip": flip}})
            (outcome,) = open_trainer(settings, data).train([0], silent)
            margins[name, flip] = outcome.test["margin"]
    np.testing.assert_array_equal(margins["plain", True], margins["mirrored", True])
    assert np.abs(margins["plain", False] - margins["mirrored", False]).max() > 0.1


def test_sizes_need_a_model_that_takes_them() -> None:
    settings = spec(trainer={"kind": "single"}, recipe=AUGMENTED)
    with pytest.raises(SpecError, match=r"mlp takes images of one size, expected none in recipe\.sizes"):
        open_trainer(settings, world())
    smaller: Any = AUGMENTED | {"sizes": [{"epochs": 3, "size": 3}]}
    halved = {"name": "small_cnn", "filters": [4, 4]}
    with pytest.raises(SpecError, match="expected 1 to 1: each halves images of 3 x 3"):
        open_trainer(spec(model=halved, trainer={"kind": "single"}, recipe=smaller), world())


@pytest.mark.parametrize(
    ("augmentation", "message"),
    [
        ({"cutout": 7}, r"recipe\.augmentation\.cutout is 7, expected at most 6 for images of 6 x 6"),
        ({"crop_padding": 6, "crop_fill": "reflect"}, r"recipe\.augmentation\.crop_padding is 6, expected at most 5"),
    ],
)
def test_augmentation_that_is_larger_than_the_images_is_refused(augmentation: dict[str, Any], message: str) -> None:
    settings = spec(trainer={"kind": "single"}, recipe=FAST | {"augmentation": augmentation})
    with pytest.raises(SpecError, match=message):
        open_trainer(settings, world())
    wide = spec(trainer={"kind": "single"}, recipe=FAST | {"augmentation": {"crop_padding": 6}})
    open_trainer(wide, world())  # zeros may be wider than the image
