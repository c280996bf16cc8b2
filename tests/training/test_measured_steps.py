"""The hours that `benchmarks.steps` derives from a measured step, against numbers by hand."""

import pytest
import typer

from benchmarks.flops import forward_flop, trial_flop
from benchmarks.steps import PAPER, SHAPES, Shape, device_hours, measure
from mempipe.spec import Component, Spec, parse_spec
from mempipe.training.registry import build_model, resolve_model
from tests.training.worlds import spec

SHAPE = Shape(n_train=100, n_test=50, n_classes=3, image=(6, 6, 1))
SINGLE = {"kind": "single"}
pytestmark = pytest.mark.usefixtures("test_models")


def test_hours_of_a_trial_by_hand() -> None:
    """m = 70 and 3 epochs of batches of 10: 21 steps, 210 examples; then 100 + 50 are judged."""
    hours = device_hours(spec(trainer=SINGLE), SHAPE, per_1000=36, judging_per_1000=12)
    assert hours == pytest.approx((210 * 0.036 + 150 * 0.012) / 3600)
    longer = spec(
        trainer=SINGLE, recipe={"epochs": 3, "batch_size": 64, "learning_rate": 0.1}
    )  # 4 steps, the last whole
    assert device_hours(longer, SHAPE, per_1000=36, judging_per_1000=0) == pytest.approx(256 * 0.036 / 3600)


def test_the_papers_speed_gives_the_papers_hours() -> None:
    """90 s for 35,000 examples are 4 h a trial, and 16,000 h for 4,000 trials."""
    path = next(path for path in PAPER if path.stem == "cifar100_resnet50")
    published = parse_spec(path.read_text(), source=str(path))
    hours = device_hours(published, SHAPES["cifar100"], per_1000=90 / 35, judging_per_1000=0)
    assert hours == pytest.approx(4, rel=1e-4)
    assert published.trials * hours == pytest.approx(16_000, rel=1e-4)


def test_steps_are_measured() -> None:
    measured = measure(spec(trainer=SINGLE, trials=7), SHAPE, examples=5, steps=3)
    assert (measured.spec, measured.batch, measured.spec_batch, measured.steps, measured.n_devices) == (
        "tiny",
        5,
        10,
        3,
        1,
    )
    assert 0 < measured.median <= measured.worst
    assert measured.hours_a_trial == pytest.approx(
        (210 * measured.per_1000 + 150 * measured.judging_per_1000) / 1000 / 3600, rel=1e-9
    )
    assert measured.hours == pytest.approx(7 * measured.hours_a_trial)
    if measured.device == "cpu":
        assert measured.per_1000 == pytest.approx(1000 * measured.processor / 5)


def test_steps_of_a_group_are_shared_by_its_models() -> None:
    measured = measure(spec(), SHAPE, examples=None, steps=3)
    assert (measured.n_models, measured.batch, measured.spec_batch) == (4, 10, 10)
    if measured.device == "cpu":
        assert measured.per_1000 == pytest.approx(1000 * measured.processor / (4 * 10))
    assert measured.trials_an_hour * measured.hours_a_trial == pytest.approx(1)
    assert measured.matrix_rate > 0


def test_a_trainer_of_the_users_own_is_refused() -> None:
    trainer = {"kind": "own", "entry": "a:b", "version": "1"}
    own = Spec.model_validate({"name": "tiny", "data": {"name": "digits"}, "trainer": trainer})
    with pytest.raises(typer.BadParameter, match="expected single or ensemble"):
        measure(own, SHAPE, examples=5, steps=1)


def test_operations_are_those_of_the_published_recipe() -> None:
    """Jordan 2024: 3.6e14 for `airbench94`: 9.9 epochs of 48 batches of 1,024, and 10,000 images judged in 6 views."""
    model = build_model(resolve_model(Component(name="airbench")), (32, 32, 3), 10)
    passes = 3 * 9.9 * 48 * 1024 + 6 * 10_000
    assert passes * forward_flop(model) == pytest.approx(3.6e14, rel=0.02)


def test_operations_of_a_trial_by_hand() -> None:
    """5 epochs of 70 examples in batches of 50: 3 steps on images of 4 pixels, 4 on images of 6; 150 are judged twice.

    A convolution of 3 x 3 without padding, 1 to 4 channels, gives (h - 2)^2 places; then 4 inputs for 3 classes.
    """
    recipe = {"epochs": 5, "batch_size": 50, "learning_rate": 0.1, "evaluation": {"flip": True}}
    sizes = [{"epochs": 2, "size": 4}, {"epochs": 3, "size": 6}]
    settings = spec(model={"name": "pooled"}, trainer=SINGLE, recipe=recipe | {"sizes": sizes})
    small, large = (2 * (36 * places + 12) for places in (2 * 2, 4 * 4))
    expected = 3 * (3 * 50 * small + 4 * 50 * large) + 2 * 150 * large
    assert trial_flop(settings, (6, 6, 1), n_train=100, n_test=50, n_classes=3) == expected


def test_steps_on_images_of_several_sizes_are_measured() -> None:
    recipe = {"epochs": 2, "batch_size": 10, "learning_rate": 0.1}
    sizes = [{"epochs": 1, "size": 4}, {"epochs": 1, "size": 6}]
    settings = spec(model={"name": "pooled"}, trainer=SINGLE, recipe=recipe | {"sizes": sizes})
    measured = measure(settings, SHAPE, examples=5, steps=2)
    assert 0 < measured.median <= measured.worst
    assert measured.flop == 3 * (70 * 312 + 70 * 1176) + 150 * 1176
