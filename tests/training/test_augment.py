"""Augmentation: by two plain loops, evenly spread, a function of (trial, step, place in the batch) and nothing else."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mempipe.spec import Augmentation
from mempipe.storage.memory import MemoryStore, open_uri
from mempipe.subsets import Stream, raw_words
from mempipe.training.checkpoints import Checkpoints
from mempipe.training.single import trainer as single
from mempipe.training.single.augment import augment, augmentation_key
from tests.training.worlds import as_bytes, silent, spec, world

BOTH = Augmentation(crop_padding=2, flip=True)


def images(n: int = 7) -> Any:
    """Every pixel another number, none of them 0."""
    return np.arange(1, n * 5 * 4 * 2 + 1, dtype=np.float32).reshape(n, 5, 4, 2)


def augmented(pixels: Any, augmentation: Augmentation = BOTH, *, key: int = 3, step: int = 0, **part: int) -> Any:
    compiled = tf.function(lambda x, k, s: augment(x, augmentation, key=k, step=s, **part))
    return compiled(tf.constant(pixels), tf.constant(key, tf.int64), tf.constant(step)).numpy()


def variants(image: Any, augmentation: Augmentation) -> dict[tuple[int, int, bool], Any]:
    """Every image that may come out, pixel by pixel: (row and column of the window's corner, mirrored)."""
    height, width, channels = image.shape
    padding = augmentation.crop_padding
    variants_by_name = {}
    for top in range(2 * padding + 1):
        for left in range(2 * padding + 1):
            for mirrored in (False, True) if augmentation.flip else (False,):
                result = np.zeros((height, width, channels), np.float32)
                for row in range(height):
                    for column in range(width):
                        across = width - 1 - column if mirrored else column
                        source = row + top - padding, across + left - padding
                        if 0 <= source[0] < height and 0 <= source[1] < width:
                            result[row, column] = image[source]
                variants_by_name[top, left, mirrored] = result
    return variants_by_name


def variants_of(pixels: Any, augmentation: Augmentation, results: Any) -> list[tuple[int, int, bool]]:
    """Return which variant each result is; fails where one is none."""
    names = []
    for image, result in zip(pixels, results, strict=True):
        (which,) = [
            name for name, expected in variants(image, augmentation).items() if np.array_equal(expected, result)
        ]
        names.append(which)
    return names


@pytest.mark.parametrize(
    "augmentation", [BOTH, Augmentation(crop_padding=2), Augmentation(flip=True), Augmentation(crop_padding=9)]
)
def test_each_image_is_one_of_the_windows_perhaps_mirrored(augmentation: Augmentation) -> None:
    pixels = images(1) if augmentation.crop_padding == 9 else images()
    results = augmented(pixels, augmentation)
    assert results.shape == pixels.shape
    if augmentation.crop_padding == 9:  # windows that hold zeros alone are equal, so only membership is told
        assert any(np.array_equal(expected, results[0]) for expected in variants(pixels[0], augmentation).values())
    else:
        variants_of(pixels, augmentation, results)


def test_every_window_and_both_sides_are_equally_likely() -> None:
    """18 outcomes, 3,600 draws: each count within 5 standard deviations of 200 (false alarm below 2e-5); fixed key."""
    augmentation = Augmentation(crop_padding=1, flip=True)
    pixels = images(1).repeat(3600, axis=0)
    by_name = variants(pixels[0], augmentation)
    names = {value.tobytes(): name for name, value in by_name.items()}
    counts = Counter(names[result.tobytes()] for result in augmented(pixels, augmentation))
    assert len(counts) == 18
    assert max(abs(count - 200) for count in counts.values()) < 5 * np.sqrt(200)


def test_it_follows_key_and_step_alone() -> None:
    pixels = images(64)
    one = augmented(pixels)
    np.testing.assert_array_equal(one, augmented(pixels))
    assert not np.array_equal(one, augmented(pixels, step=1))
    assert not np.array_equal(one, augmented(pixels, key=4))
    assert augmentation_key(0, 1) != augmentation_key(0, 2) != augmentation_key(1, 2)
    assert augmentation_key(5, 8) == int(raw_words(5, Stream.AUGMENTATION, 8, count=1)[0]) // 2


def test_a_part_of_the_batch_is_treated_as_within_the_whole() -> None:
    pixels = images(8)
    whole = augmented(pixels)
    np.testing.assert_array_equal(augmented(pixels[2:6], first=2, batch=8), whole[2:6])


def test_the_numbers_stay_what_they_are() -> None:
    """Golden: another version of TensorFlow that draws otherwise must raise NUMERICS_VERSION."""
    assert variants_of(images(3), BOTH, augmented(images(3), key=1, step=2)) == [
        (0, 4, True),
        (4, 2, True),
        (1, 2, False),
    ]


RECIPE = {
    "epochs": 3,
    "batch_size": 10,
    "learning_rate": 0.1,
    "augmentation": {"crop_padding": 1, "flip": True},
}
SPEC = spec(model={"name": "small_cnn", "filters": [4], "dense": 8}, trainer={"kind": "single"}, recipe=RECIPE)


def test_a_trial_does_not_depend_on_others_and_differs_from_one_without_augmentation() -> None:
    trainer = single.SingleTrainer(SPEC, world(), device="cpu", checkpoints=None)
    both = {outcome.trial: as_bytes(outcome) for outcome in trainer.train([3, 4], silent)}
    alone = single.SingleTrainer(SPEC, world(), device="cpu", checkpoints=None)
    (fourth,) = alone.train([4], silent)
    assert as_bytes(fourth) == both[4]
    plain = SPEC.model_copy(update={"recipe": SPEC.recipe.model_copy(update={"augmentation": Augmentation()})})
    (other,) = single.SingleTrainer(plain, world(), device="cpu", checkpoints=None).train([4], silent)
    assert as_bytes(other) != both[4]


@pytest.mark.parametrize("stopped", [1, 7, 20])
def test_a_trial_resumes_at_any_step_to_the_same_bytes(stopped: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store: MemoryStore = open_uri(f"memory://augmented-{stopped}")
    trainer = single.SingleTrainer(SPEC, world(), device="cpu", checkpoints=None)
    (whole,) = trainer.train([4], silent)
    last = trainer._loop.state

    monkeypatch.setattr(single, "SEGMENT_STEPS", stopped)
    often = SPEC.model_copy(update={"trainer": SPEC.trainer.model_copy(update={"checkpoint_minutes": 1e-9})})
    checkpoints = Checkpoints(store)
    list(single.SingleTrainer(often, world(), device="cpu", checkpoints=checkpoints).train([4], silent))
    assert (len(list(store.list())) > 0) == (stopped < 15)
    resumed = single.SingleTrainer(SPEC, world(), device="cpu", checkpoints=checkpoints)
    progress: list[float] = []
    (outcome,) = resumed.train([4], progress.append)
    assert as_bytes(outcome) == as_bytes(whole)
    for left, right in zip(resumed._loop.state, last, strict=True):
        np.testing.assert_array_equal(left, right)


def test_evaluation_sees_images_as_they_are() -> None:
    """A model that was not trained is judged as if there were no augmentation."""
    still = RECIPE | {"learning_rate": 1e-30}
    bare = {key: value for key, value in still.items() if key != "augmentation"}
    outcomes = []
    for recipe in (still, bare):
        padded = spec(
            model={"name": "small_cnn", "filters": [4], "dense": 8}, trainer={"kind": "single"}, recipe=recipe
        )
        (outcome,) = single.SingleTrainer(padded, world(), device="cpu", checkpoints=None).train([0], silent)
        outcomes.append(as_bytes(outcome))
    assert outcomes[0] == outcomes[1]
