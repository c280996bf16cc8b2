"""The hours that `benchmarks.steps` derives from a measured step, against numbers by hand."""

import pytest
import typer

from benchmarks.steps import PAPER, SHAPES, Shape, device_hours, measure
from mempipe.spec import parse_spec
from tests.training.worlds import spec

SHAPE = Shape(n_train=100, n_test=50, n_classes=3, image=(6, 6, 1))
SINGLE = {"kind": "single"}


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


def test_a_spec_of_the_other_trainer_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="expected single"):
        measure(spec(), SHAPE, examples=5, steps=1)
