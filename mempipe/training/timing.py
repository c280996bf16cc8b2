"""Times the compiled steps of both trainers, on made-up images of a data set's shape.

Imports TensorFlow only when something is timed.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.spec import Ensemble, Single, Spec
from mempipe.subsets import subset_size
from mempipe.training.schedule import learning_rates, sized_steps, total_steps

WARM_UP: Final = 2
"""Calls before the clock runs: the first compiles."""
_SECONDS: Final = 4.0
"""Where no number of steps is given, they are timed for so long, ..."""
_CALLS: Final = 5
"""... in at least so many calls, unless there are fewer steps; ..."""
_MOST_STEPS: Final = 10_000
"""... and at most so many."""
_JUDGED: Final = 1024
"""Images that a single model judges in one call where no number of steps is given."""


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
        device: the GPU's name, or `cpu`.
        n_devices: replicas that shared each batch.
        batch: examples of one model's batch.
        n_models: that took each step together.
        clock, worst: of a step, median and worst, by the clock.
        processor: of a step, median, by the processor.
        judging: (clock, processor) of judging `judged` examples by each of the models.
        judged: how many.
    """

    device: str
    n_devices: int
    batch: int
    n_models: int
    clock: float
    worst: float
    processor: float
    judging: tuple[float, float]
    judged: int

    @property
    def on_cpu(self) -> bool:
        """Whether the CPU computed: then the measure is processor time, and other work does not count as ours."""
        return self.device == "cpu"

    @property
    def per_example(self) -> float:
        """Device seconds of training one model on one example."""
        return (self.processor if self.on_cpu else self.n_devices * self.clock) / (self.n_models * self.batch)

    @property
    def per_judged(self) -> float:
        """Device seconds of judging one example by one model."""
        return self.judging[self.on_cpu] * self.n_devices / (self.n_models * self.judged)


def trial_seconds(spec: Spec, shape: Shape, *, per_example: float, per_judged: float) -> float:
    """Return the device seconds of one trial: all its steps, and judging all examples once.

    Args:
        spec: epochs, batch size and subset ratio count.
        shape: how many examples there are.
        per_example: device seconds of training on one example.
        per_judged: device seconds of judging one example.
    """
    _, recipe = spec.built_in()
    n_steps = total_steps(recipe, subset_size=subset_size(spec.subsets, shape.n_train))
    return n_steps * recipe.batch_size * per_example + (shape.n_train + shape.n_test) * per_judged


def time_trainer(spec: Spec, shape: Shape, *, examples: int | None = None, steps: int | None = None) -> Timing:
    """Time steps of a spec's trainer in this process, on the GPUs that are there, or on the CPU.

    Args:
        spec: resolved, with a built-in trainer.
        shape: of its data set.
        examples: of a batch; None: as many as the spec gives to the devices that are used.
        steps: how many are timed; None: as many as take a few seconds, in calls as the trainer makes them.

    Raises:
        SpecError: the trainer cannot train the model.
    """
    from mempipe.training.runtime import start_tensorflow

    trainer = spec.named_trainer
    replicas = trainer.replicas if isinstance(trainer, Single) else 1
    device = start_tensorflow(trainer.threads, gpus=replicas)
    if isinstance(trainer, Ensemble):
        return _time_group(spec, shape, device, width=trainer.width, examples=examples, steps=steps)
    return _time_single(spec, shape, device, replicas=replicas, examples=examples, steps=steps)


def _time_single(
    spec: Spec, shape: Shape, device: str, *, replicas: int, examples: int | None, steps: int | None
) -> Timing:
    """Time steps of the single trainer on all of the spec's devices, or on one with its part of a batch."""
    import tensorflow as tf

    from mempipe.training.initial import InitialState
    from mempipe.training.normalize import fit_normalization
    from mempipe.training.order import ExampleOrder
    from mempipe.training.single.augment import augmentation_key
    from mempipe.training.single.pipeline import Images
    from mempipe.training.single.trainer import SEGMENT_STEPS, build_loop

    _, recipe = spec.built_in()
    n_devices = replicas if len(tf.config.list_logical_devices("GPU")) >= replicas else 1
    batch = examples or recipe.batch_size // replicas * n_devices
    m = subset_size(spec.subsets, shape.n_train)
    rates = learning_rates(recipe, subset_size=m)
    network, loop = build_loop(spec, shape.image, shape.n_classes, rates=rates, replicas=n_devices)
    loop.begin(InitialState(network, seed=spec.seed).values(0))
    at_once, n_images = 1, batch
    if steps is None:
        at_once, n_images = SEGMENT_STEPS, max(batch, min(_JUDGED, shape.n_train + shape.n_test))
    made_up, labels = _made_up(shape, n_images)
    normalization = fit_normalization(recipe.normalization, made_up, pixel_max=255.0)
    images = Images(made_up, labels, normalization, streamed=n_devices > 1)
    order = ExampleOrder(np.ones(n_images, np.bool_), seed=spec.seed, trial=0)
    key = augmentation_key(spec.seed, 0)
    sized = sized_steps(recipe, subset_size=m)
    threads = spec.trainer.threads
    n_batches = len(sized) * (WARM_UP + (steps or _MOST_STEPS))
    alternating = recipe.augmentation.flip == "alternating"
    feed = images.feed(order, start=0, stop=n_batches, batch_size=batch, threads=threads, alternating=alternating)

    def train(size: int | None, n: int) -> None:
        loop.run(images, feed.take(n, at_most=at_once), n, key=key, size=size)
        tf.test.experimental.sync_devices()

    times = [_timed(partial(train, part.size), steps, at_once) for part in sized]
    share = np.array([part.stop - part.start for part in sized]) / len(rates)
    clock, processor = (float(share @ [statistics.median(one[kind]) for one in times]) for kind in (0, 1))
    judging = _timed(lambda _: loop.judge(images, batch_size=batch, threads=threads), _half(steps))
    return Timing(
        device=device,
        n_devices=n_devices,
        batch=batch,
        n_models=1,
        clock=clock,
        worst=max(max(one) for one, _ in times),
        processor=processor,
        judging=(statistics.median(judging[0]), statistics.median(judging[1])),
        judged=n_images,
    )


def _time_group(
    spec: Spec, shape: Shape, device: str, *, width: int, examples: int | None, steps: int | None
) -> Timing:
    """Time calls of the ensemble trainer's program, each of as many steps as it makes at once."""
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
    batches = random.integers(0, len(images), (BLOCK_STEPS, width, batch)).astype(np.int32)
    rates = np.full(BLOCK_STEPS, 1e-3, np.float32)
    velocities = program.at_rest(variables)

    def train(n: int) -> None:
        np.asarray(program.train(variables, velocities, batches[:n], rates[:n])[0][0])

    clock, processor = _timed(train, steps, BLOCK_STEPS)
    judging = _timed(lambda _: program.evaluate(variables), 2)
    return Timing(
        device=device,
        n_devices=1,
        batch=batch,
        n_models=width,
        clock=statistics.median(clock),
        worst=max(clock),
        processor=statistics.median(processor),
        judging=(statistics.median(judging[0]), statistics.median(judging[1])),
        judged=len(images),
    )


def _made_up(shape: Shape, n: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (n, *shape.image), dtype=np.uint8), random.integers(0, shape.n_classes, n)


def _half(steps: int | None) -> int:
    return _CALLS if steps is None else max(1, steps // 2)


def _timed(work: Callable[[int], Any], steps: int | None, at_once: int = 1) -> tuple[list[float], list[float]]:
    """Return seconds of a step by the clock and by the processor, one of each call, after a warm-up.

    Args:
        work: makes some steps in one call.
        steps: how many in all; None: as many as take `_SECONDS`.
        at_once: steps of a call, at most.
    """
    for _ in range(WARM_UP):
        begun = time.perf_counter()
        work(1)
    if steps is None:
        steps = min(_MOST_STEPS, max(1, int(_SECONDS / (time.perf_counter() - begun))))
        at_once = min(at_once, max(1, steps // _CALLS))
    clock, processor = [], []
    for made in range(0, steps, at_once):
        n = min(at_once, steps - made)
        before = time.perf_counter(), time.process_time()
        work(n)
        clock.append((time.perf_counter() - before[0]) / n)
        processor.append((time.process_time() - before[1]) / n)
    return clock, processor
