"""The paper's systems as specs: each schedule at its corners (App. B), sizes, costs, and tasks that fit a pod."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mempipe.experiments.kinds import influencers, marginal_utility
from mempipe.orchestration.settings import TrainShape
from mempipe.runs import Span, missing_chunks, plan_tasks
from mempipe.spec import Spec, parse_spec, run_key
from mempipe.subsets import subset_mask
from mempipe.training.registry import check_model_fits, resolve_model
from mempipe.training.schedule import learning_rates
from tests.command import mempipe
from tests.data.shared import real_data

SPECS = Path(__file__).parents[2] / "specs"
CIFAR, MNIST, IMAGENET = (32, 32, 3), (28, 28, 1), (224, 224, 3)


@dataclass(frozen=True)
class System:
    """What sections 2 and 3.5 and App. B say of one system, or what follows by arithmetic.

    Attributes:
        n_train, m: examples, and those that a trial sees.
        shape, n_classes: of the images.
        model: resolved; its number of parameters is held by test_models.py.
        trials: t.
        rate: base learning rate.
        n_steps, warm: steps, and the position at which the warm-up ends.
        decays: the first step at each lower rate.
        seconds, gpus: of an epoch, on so many P100.
        augmentation: padding of the crop, flip.
    """

    n_train: int
    m: int
    shape: tuple[int, int, int]
    n_classes: int
    model: dict[str, object]
    trials: int
    rate: float
    n_steps: int
    warm: float
    decays: tuple[int, ...]
    seconds: float
    gpus: int
    augmentation: tuple[int, bool]


def cifar(
    model: dict[str, object],
    seconds: float,
    *,
    trials: int = 2000,
    rate: float = 0.4,
    n_steps: int = 10_938,
    warm: float = 1640.7,
) -> System:
    return System(50_000, 35_000, CIFAR, 100, model, trials, rate, n_steps, warm, (), seconds, 1, (4, True))


SYSTEMS = {
    "cifar100_resnet50": cifar({"name": "resnet50", "stem": "cifar"}, 90, trials=4000),
    "cifar100_resnet18": cifar({"name": "resnet18", "stem": "cifar"}, 17),
    "cifar100_densenet100": cifar({"name": "densenet100", "growth": 12}, 45, rate=0.2, n_steps=21_875, warm=3281.25),
    "cifar100_inception": cifar({"name": "inception"}, 14),
    "mnist_inception": System(
        n_train=60_000,
        m=42_000,
        shape=MNIST,
        n_classes=10,
        model={"name": "inception"},
        trials=4000,
        rate=0.1,
        n_steps=4922,
        warm=738.3,
        decays=(),
        seconds=7,
        gpus=1,
        augmentation=(0, False),
    ),
    "imagenet_resnet50": System(
        n_train=1_281_167,
        m=896_816,
        shape=IMAGENET,
        n_classes=1000,
        model={"name": "resnet50", "stem": "imagenet"},
        trials=2000,
        rate=0.7,
        n_steps=100_092,
        warm=15 * 896_816 / 896,
        decays=(30_028, 60_055, 90_082),
        seconds=1800,
        gpus=8,
        augmentation=(32, True),
    ),
}
every_system = pytest.mark.parametrize("name", SYSTEMS)


def text(name: str) -> str:
    return (SPECS / f"{name}.yaml").read_text()


def spec(name: str) -> Spec:
    return parse_spec(text(name), source=name)


@every_system
def test_the_spec_is_the_papers_system(name: str) -> None:
    system, paper = spec(name), SYSTEMS[name]
    assert system.name == name
    assert subset_mask(system.subsets, n_train=paper.n_train, seed=system.seed, trial=0).sum() == paper.m
    assert resolve_model(system.model).model_dump() == paper.model
    check_model_fits(system.model, paper.shape, paper.n_classes)
    assert (system.recipe.momentum, system.recipe.nesterov, system.subsets.design) == (0.9, False, "uniform")
    assert (system.recipe.augmentation.crop_padding, system.recipe.augmentation.flip) == paper.augmentation
    assert (system.trials, getattr(system.trainer, "replicas", 1)) == (paper.trials, paper.gpus)


@every_system
def test_the_schedule_at_its_corners(name: str) -> None:
    paper = SYSTEMS[name]
    rates = learning_rates(spec(name).recipe, subset_size=paper.m)
    assert len(rates) == paper.n_steps
    before = int(paper.warm)  # the last step of the warm-up, which ends between two
    assert rates[0] == 0
    np.testing.assert_allclose(rates[[1, before]], [paper.rate / paper.warm, paper.rate * before / paper.warm], 1e-6)
    assert (np.diff(rates[: before + 1]) > 0).all()
    if paper.decays:
        edges = (before + 1, *paper.decays, paper.n_steps)
        for power, (begin, end) in enumerate(pairwise(edges)):
            np.testing.assert_allclose(rates[[begin, end - 1]], paper.rate / 10**power, rtol=1e-6)
        assert len(set(rates[before + 1 :].tolist())) == len(paper.decays) + 1
    else:
        rest = paper.n_steps - paper.warm
        expected = [paper.rate * (paper.n_steps - before - 1) / rest, paper.rate / rest]
        np.testing.assert_allclose(rates[[before + 1, -1]], expected, rtol=1e-6)
        assert (np.diff(rates[before + 1 :]) < 0).all()


@every_system
def test_a_task_ends_before_its_pod_does(name: str) -> None:
    """At the paper's speed; where the default limit is too short, the spec says which one to set."""
    system, paper = spec(name), SYSTEMS[name]
    trial = system.recipe.epochs * paper.seconds
    hours = paper.trials * trial / 3600
    assert f"{hours:,.0f} " in text(name)
    chunks = missing_chunks([], Span(0, system.trials), chunk_size=system.chunk_size)
    (tasks,) = plan_tasks([chunks], [system.chunk_size * system.task_size])
    assert {len(task) for task in tasks} == {system.chunk_size * system.task_size}  # not lengthened
    limit = re.search(r"activeDeadlineSeconds: (\d+)", text(name))
    seconds = int(limit[1]) if limit else TrainShape().active_deadline_seconds
    assert len(tasks[0]) * trial <= 0.9 * seconds
    assert system.chunk_size == 1 or system.chunk_size * trial <= 3600


def test_the_page_of_the_reproduction_has_these_hours() -> None:
    """Releases, and Fig. 2 and section 3.3 on the whole training set: 1 / 0.7 as many examples in an epoch."""
    page = (SPECS.parent / "docs" / "reproduce.md").read_text()
    fig_2 = {"mnist_inception": 100, "cifar100_resnet50": 100, "imagenet_resnet50": 5}
    assert fig_2["mnist_inception"] == marginal_utility.Params().repeats
    for name, paper in SYSTEMS.items():
        hours = spec(name).recipe.epochs * paper.seconds / 3600
        assert f"{paper.trials * hours:,.0f}" in page
        if name in fig_2:
            models = (2 * len(marginal_utility.Params().thresholds) + 1) * fig_2[name]
            assert f"{models:,} models" in page
            assert f"{models * hours / 0.7:,.0f}" in page
    whole = 160 * SYSTEMS["cifar100_resnet50"].seconds / 3600 / 0.7
    assert f"{3 * influencers.Params().repeats * whole:,.0f}" in page


def test_runs_that_fig_7_compares_have_seeds_of_their_own() -> None:
    """Subsets depend on (seed, design, ratio, n) alone; the independent run of ResNet50 takes 1 (docs/reproduce.md)."""
    seeds = {name: spec(name).seed for name in SYSTEMS if name.startswith("cifar100")}
    assert seeds["cifar100_resnet50"] == 0
    assert len({1, *seeds.values()}) == 1 + len(seeds)
    one, other = (
        subset_mask(spec(name).subsets, n_train=50_000, seed=spec(name).seed, trial=0)
        for name in ("cifar100_resnet50", "cifar100_resnet18")
    )
    assert 0.68 < other[one].mean() < 0.72  # independent: 0.7 of what one saw; standard deviation 0.0013


def test_the_specs_are_different_runs() -> None:
    assert len({run_key(spec(name), data_fingerprint="f") for name in SYSTEMS}) == len(SYSTEMS)


def test_mnist_is_planned(tmp_path: Path) -> None:
    data = real_data("mnist.npz")
    path = tmp_path / "mnist.yaml"
    path.write_text(text("mnist_inception").replace("  name: mnist ", f"  path: {data}\n  name: mnist "))
    output = mempipe("plan", path, "--store", tmp_path / "store").stderr
    assert "4000 missing, in 250 tasks" in " ".join(output.split())
