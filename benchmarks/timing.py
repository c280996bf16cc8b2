"""Times the compiled steps of both trainers, on made-up images of a data set's shape."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.spec import Spec
from mempipe.subsets import subset_size
from mempipe.training.schedule import learning_rates, sized_steps

WARM_UP: Final = 2
"""Calls before the clock runs: the first compiles."""


@dataclass(frozen=True)
class Shape:
    """What must be known of a data set: numbers of examples and classes, (height, width, channels) of an image."""

    n_train: int
    n_test: int
    n_classes: int
    image: tuple[int, int, int]


@dataclass(frozen=True)
class Timing:
    """Seconds of steps on one machine.

    Attributes:
        n_devices: replicas that shared each batch.
        batch: examples of one model's batch.
        n_models: that took each step together.
        clock, worst: of a step, median and worst, by the clock.
        processor: of a step, median, by the processor.
        judging: (clock, processor) of judging `judged` examples by each of the models.
        judged: how many.
    """

    n_devices: int
    batch: int
    n_models: int
    clock: float
    worst: float
    processor: float
    judging: tuple[float, float]
    judged: int


def time_single(spec: Spec, shape: Shape, *, replicas: int, threads: int, examples: int | None, steps: int) -> Timing:
    """Time steps of the single trainer on all of the spec's devices, or on one with its part of a batch."""
    import tensorflow as tf

    from mempipe.training.initial import InitialState
    from mempipe.training.normalize import fit_normalization
    from mempipe.training.order import ExampleOrder
    from mempipe.training.single.augment import augmentation_key
    from mempipe.training.single.pipeline import Images
    from mempipe.training.single.trainer import build_loop

    _, recipe = spec.built_in()
    n_devices = replicas if len(tf.config.list_logical_devices("GPU")) >= replicas else 1
    batch = examples or recipe.batch_size // replicas * n_devices
    m = subset_size(spec.subsets, shape.n_train)
    rates = learning_rates(recipe, subset_size=m)
    network, loop = build_loop(spec, shape.image, shape.n_classes, rates=rates, replicas=n_devices)
    loop.begin(InitialState(network, seed=spec.seed).values(0))
    made_up, labels = _made_up(shape, batch)
    normalization = fit_normalization(recipe.normalization, made_up, pixel_max=255.0)
    images = Images(made_up, labels, normalization, streamed=n_devices > 1)
    order = ExampleOrder(np.ones(batch, np.bool_), seed=spec.seed, trial=0)
    key = augmentation_key(spec.seed, 0)
    sized = sized_steps(recipe, subset_size=m)
    n_batches = len(sized) * (WARM_UP + steps)
    feed = images.feed(order, start=0, stop=n_batches, batch_size=batch, threads=threads)

    def train(size: int | None, step: int) -> None:
        loop.run(images, feed.take(1, at_most=1), 1, first=step, key=key, size=size)
        tf.test.experimental.sync_devices()

    times = [_timed(partial(train, part.size), steps) for part in sized]
    share = np.array([part.stop - part.start for part in sized]) / len(rates)
    clock, processor = (float(share @ [statistics.median(one[kind]) for one in times]) for kind in (0, 1))
    judging = _timed(lambda _: loop.judge(images, batch_size=batch, threads=threads), max(1, steps // 2))
    return Timing(
        n_devices=n_devices,
        batch=batch,
        n_models=1,
        clock=clock,
        worst=max(max(one) for one, _ in times),
        processor=processor,
        judging=(statistics.median(judging[0]), statistics.median(judging[1])),
        judged=batch,
    )


def time_group(spec: Spec, shape: Shape, *, width: int, examples: int | None, steps: int) -> Timing:
    """Time calls of the ensemble trainer's program, each of as many steps as it makes at once, `steps` of them."""
    from mempipe.training.ensemble.program import BLOCK_STEPS, Program
    from mempipe.training.initial import InitialState
    from mempipe.training.normalize import fit_normalization
    from mempipe.training.registry import build_model

    component, recipe = spec.built_in()
    batch = examples or recipe.batch_size
    images, labels = _made_up(shape, max(batch, 64))
    normalization = fit_normalization(recipe.normalization, images, pixel_max=255.0)
    model = build_model(component, shape.image, shape.n_classes)
    program = Program(model, images, labels.astype(np.int32), normalization, recipe=recipe, outcomes=spec.kept_outcomes)
    initial = InitialState(model, seed=spec.seed)
    variables: list[Any] = [np.stack(one) for one in zip(*map(initial.values, range(width)), strict=True)]
    random = np.random.default_rng(0)
    n = min(steps, BLOCK_STEPS)
    batches = random.integers(0, len(images), (n, width, batch)).astype(np.int32)
    rates = np.full(n, 1e-3, np.float32)
    velocities = program.at_rest(variables)

    def train(_: int) -> None:
        np.asarray(program.train(variables, velocities, batches, rates)[0][0])

    clock, processor = _timed(train, -(-steps // n))
    judging = _timed(lambda _: program.evaluate(variables), 2)
    return Timing(
        n_devices=1,
        batch=batch,
        n_models=width,
        clock=statistics.median(clock) / n,
        worst=max(clock) / n,
        processor=statistics.median(processor) / n,
        judging=(statistics.median(judging[0]), statistics.median(judging[1])),
        judged=len(images),
    )


def _made_up(shape: Shape, n: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (n, *shape.image), dtype=np.uint8), random.integers(0, shape.n_classes, n)


def _timed(work: Callable[[int], Any], times: int) -> tuple[list[float], list[float]]:
    """Return seconds by the clock and by the processor of each call, after a warm-up."""
    clock, processor = [], []
    for number in range(WARM_UP + times):
        begun = time.perf_counter(), time.process_time()
        work(number)
        if number >= WARM_UP:
            clock.append(time.perf_counter() - begun[0])
            processor.append(time.process_time() - begun[1])
    return clock, processor
