"""What a reproduction at the paper's size costs, from a measured step: `python -m benchmarks.steps [SPEC ...]`.

For each spec of the `single` trainer (none named: the paper's six) the real model and the real compiled step are built,
with the spec's augmentation, precision and optimizer, and steps are timed on the GPUs that are there, or on the CPU.
Images are made up, so no data set is needed; reading ImageNet from its disk is not in the measure. `--examples N` takes
smaller batches than the spec's: time is then scaled in proportion to the examples, which overstates it a little, as
what a step costs whatever its batch (the optimizer, the weight decay) is scaled too.

Where a recipe trains on images of several sizes, each is timed, and a step counts as their mean, by how many steps each
has. The floating-point operations of a trial are counted from its model (`benchmarks.flops`).

On a CPU the measure is processor time, so that other work on the machine does not count as ours, and hours are
core-hours; on GPUs it is time of the clock, and hours are GPU hours.
"""

import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.flops import trial_flop
from mempipe.spec import Single, Spec, parse_spec
from mempipe.subsets import subset_size
from mempipe.training.registry import resolve_model
from mempipe.training.schedule import learning_rates, sized_steps, total_steps

SPECS: Final = Path(__file__).parents[1] / "specs"
PAPER: Final = tuple(
    SPECS / f"{name}.yaml"
    for name in (
        "mnist_inception",
        "cifar100_resnet50",
        "cifar100_resnet18",
        "cifar100_densenet100",
        "cifar100_inception",
        "imagenet_resnet50",
    )
)
WARM_UP: Final = 2
"""Steps before the clock runs: the first compiles."""


@dataclass(frozen=True)
class Shape:
    """What must be known of a data set: numbers of examples and classes, (height, width, channels) of an image."""

    n_train: int
    n_test: int
    n_classes: int
    image: tuple[int, int, int]


SHAPES: Final = {
    "mnist": Shape(60_000, 10_000, 10, (28, 28, 1)),
    "cifar10": Shape(50_000, 10_000, 10, (32, 32, 3)),
    "cifar100": Shape(50_000, 10_000, 100, (32, 32, 3)),
    "imagenet": Shape(1_281_167, 50_000, 1000, (224, 224, 3)),
}


@dataclass(frozen=True)
class Measured:
    """Steps of one spec on one machine. All times are in seconds.

    Attributes:
        spec: its name.
        device: the GPU's name, or `cpu`.
        n_devices: replicas that shared each batch.
        batch: examples of a measured step; `spec_batch`: of the spec's.
        steps: timed steps.
        median, worst: of a step, by the clock.
        processor: median processor time of a step; on a CPU this is what hours are derived from.
        per_1000: device time of training on 1,000 examples.
        judging_per_1000: device time of judging 1,000 examples.
        peak_mib: memory of the process on the host.
        hours_a_trial: device hours of one trial: all steps at the spec's batch, and judging all examples once.
        flop: floating-point operations of one trial.
        trials: as the spec says; `hours`: device hours of all.
    """

    spec: str
    device: str
    n_devices: int
    batch: int
    spec_batch: int
    steps: int
    median: float
    worst: float
    processor: float
    per_1000: float
    judging_per_1000: float
    peak_mib: int
    hours_a_trial: float
    flop: float
    trials: int
    hours: float


def device_hours(spec: Spec, shape: Shape, *, per_1000: float, judging_per_1000: float) -> float:
    """Return the device hours of one trial.

    Args:
        spec: epochs, batch size and subset ratio count.
        shape: how many examples there are.
        per_1000: device seconds of training on 1,000 examples.
        judging_per_1000: device seconds of judging 1,000; a trial judges all examples, once.
    """
    _, recipe = spec.built_in()
    n_steps = total_steps(recipe, subset_size=subset_size(spec.subsets, shape.n_train))
    n_examples = n_steps * recipe.batch_size
    return (n_examples * per_1000 + (shape.n_train + shape.n_test) * judging_per_1000) / 1000 / 3600


def measure(spec: Spec, shape: Shape, *, examples: int | None, steps: int) -> Measured:
    """Time steps of a spec in this process.

    Args:
        spec: of the `single` trainer.
        shape: of its data set.
        examples: of a batch; None: as many as the spec gives to the devices that are used.
        steps: how many are timed, at least 1.
    """
    if not isinstance(spec.trainer, Single):
        raise typer.BadParameter(f"{spec.name}: trainer.kind is {spec.trainer.kind}, expected single")
    threads, replicas = spec.trainer.threads, spec.trainer.replicas
    model, recipe = spec.built_in()
    spec = spec.model_copy(update={"model": resolve_model(model)})
    from mempipe.training.runtime import start_tensorflow

    device = start_tensorflow(threads, gpus=replicas)
    import tensorflow as tf

    from mempipe.training.initial import InitialState
    from mempipe.training.normalize import fit_normalization
    from mempipe.training.order import ExampleOrder
    from mempipe.training.single.augment import augmentation_key
    from mempipe.training.single.pipeline import Images
    from mempipe.training.single.trainer import build_loop

    # All of the spec's devices, or one with its part of a batch.
    n_devices = replicas if len(tf.config.list_logical_devices("GPU")) >= replicas else 1
    batch = examples or recipe.batch_size // replicas * n_devices
    rates = learning_rates(recipe, subset_size=subset_size(spec.subsets, shape.n_train))
    network, loop = build_loop(spec, shape.image, shape.n_classes, rates=rates, replicas=n_devices)
    loop.begin(InitialState(network, seed=spec.seed).values(0))
    random = np.random.default_rng(0)
    made_up = random.integers(0, 256, (batch, *shape.image), dtype=np.uint8)
    images = Images(
        made_up,
        random.integers(0, shape.n_classes, batch),
        fit_normalization(recipe.normalization, made_up, pixel_max=255.0),
        streamed=n_devices > 1,
    )
    order = ExampleOrder(np.ones(batch, np.bool_), seed=spec.seed, trial=0)
    key = augmentation_key(spec.seed, 0)
    sized = sized_steps(recipe, subset_size=subset_size(spec.subsets, shape.n_train))
    n_batches = len(sized) * (WARM_UP + steps)
    feed = images.feed(order, start=0, stop=n_batches, batch_size=batch, threads=threads)

    def train(size: int | None, step: int) -> None:
        loop.run(images, feed.take(1, at_most=1), 1, first=step, key=key, size=size)
        tf.test.experimental.sync_devices()

    times = [_timed(partial(train, part.size), steps) for part in sized]
    share = np.array([part.stop - part.start for part in sized]) / len(rates)
    median, processor = (float(share @ [statistics.median(one[kind]) for one in times]) for kind in (0, 1))
    judged_clock, judged_processor = _timed(
        lambda _: loop.judge(images, batch_size=batch, threads=threads), max(1, steps // 2)
    )
    on_cpu = device == "cpu"
    seconds = processor if on_cpu else n_devices * median
    judging = statistics.median(judged_processor) if on_cpu else n_devices * statistics.median(judged_clock)
    per_1000, judging_per_1000 = (1000 * one / batch for one in (seconds, judging))
    hours = device_hours(spec, shape, per_1000=per_1000, judging_per_1000=judging_per_1000)
    return Measured(
        spec=spec.name,
        device=device,
        n_devices=n_devices,
        batch=batch,
        spec_batch=recipe.batch_size,
        steps=steps,
        median=median,
        worst=max(max(clock) for clock, _ in times),
        processor=processor,
        per_1000=per_1000,
        judging_per_1000=judging_per_1000,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        hours_a_trial=hours,
        flop=trial_flop(spec, shape.image, n_train=shape.n_train, n_test=shape.n_test, n_classes=shape.n_classes),
        trials=spec.trials,
        hours=hours * spec.trials,
    )


def table(measurements: list[Measured]) -> Table:
    """Return the measurements as a table."""
    rows = Table(title="Hours of a device (a core of the CPU, or a GPU) by the paper's specs, from measured steps")
    names = (
        "spec",
        "device",
        "batch",
        "s / step",
        "worst",
        "processor",
        "s / 1,000",
        "judging",
        "h / trial",
        "FLOP / trial",
        "h in all",
    )
    for column in names:
        rows.add_column(column, justify="left" if column in ("spec", "device") else "right")
    for one in measurements:
        rows.add_row(
            one.spec,
            one.device if one.n_devices == 1 else f"{one.n_devices} × {one.device}",
            f"{one.batch} of {one.spec_batch}",
            f"{one.median:.3g}",
            f"{one.worst:.3g}",
            f"{one.processor:.3g}",
            f"{one.per_1000:.3g}",
            f"{one.judging_per_1000:.3g}",
            f"{one.hours_a_trial:,.3g}" if one.hours_a_trial < 100 else f"{one.hours_a_trial:,.0f}",
            f"{one.flop:.3g}",
            f"{one.hours:,.0f}",
        )
    return rows


def main(
    specs: Annotated[list[Path] | None, typer.Argument(metavar="[SPEC]...", help="Default: the paper's six.")] = None,
    examples: Annotated[int | None, typer.Option(min=1, help="Examples of a step; default: the spec's.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps that are timed.")] = 20,
    out: Annotated[Path | None, typer.Option(help="Where the numbers go, as JSON.")] = None,
) -> None:
    """Time steps of specs, each in a process of its own, and derive the hours of a trial and of all trials."""
    measurements = []
    for path in specs or PAPER:
        spec = parse_spec(path.read_text(), source=str(path))
        if spec.data.name not in SHAPES:
            raise typer.BadParameter(f"{path}: data.name is {spec.data.name}, expected one of {', '.join(SHAPES)}")
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as process:
            measurements.append(
                process.submit(measure, spec, SHAPES[spec.data.name], examples=examples, steps=steps).result()
            )
    Console(width=140).print(table(measurements))
    if out is not None:
        out.write_text(json.dumps([asdict(one) for one in measurements], indent=1) + "\n")


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


if __name__ == "__main__":
    typer.run(main)
