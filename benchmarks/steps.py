"""What a reproduction at the paper's size costs, from a measured step: `python -m benchmarks.steps [SPEC ...]`.

For each spec of a built-in trainer (none named: the paper's six) the real model and the real compiled step are built,
with the spec's augmentation, precision and optimizer, and steps are timed on the GPUs that are there, or on the CPU.
Images are made up, so no data set is needed; reading ImageNet from its disk is not in the measure. `--examples N` takes
smaller batches than the spec's: time is then scaled in proportion to the examples, which overstates it a little, as
what a step costs whatever its batch (the optimizer, the weight decay) is scaled too.

Where a recipe trains on images of several sizes, each is timed, and a step counts as their mean, by how many steps each
has. Steps of the `ensemble` trainer are those of a whole group, and a trial has its share. The floating-point
operations of a trial are counted from its model (`benchmarks.flops`), and set beside a matrix product's in the same
process.

On a CPU the measure is processor time, so that other work on the machine does not count as ours, and hours are
core-hours; on GPUs it is time of the clock, and hours are GPU hours.
"""

import json
import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.flops import matrix_rate, trial_flop
from mempipe.spec import Ensemble, Single, Spec, parse_spec
from mempipe.training.registry import resolve_model
from mempipe.training.timing import Shape, time_trainer, trial_seconds

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
        n_devices: replicas that shared each batch; `n_models`: that took each step together (ensemble).
        batch: examples of a measured step; `spec_batch`: of the spec's.
        steps: timed steps.
        median, worst: of a step, by the clock.
        processor: median processor time of a step; on a CPU this is what hours are derived from.
        per_1000: device time of training on 1,000 examples.
        judging_per_1000: device time of judging 1,000 examples.
        peak_mib: memory of the process on the host.
        hours_a_trial: device hours of one trial: all steps at the spec's batch, and judging all examples once.
        trials_an_hour: of one device.
        flop: floating-point operations of one trial.
        matrix_rate: FLOP/s of a float32 matrix product in the same process.
        trials: as the spec says; `hours`: device hours of all.
    """

    spec: str
    device: str
    n_devices: int
    n_models: int
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
    trials_an_hour: float
    flop: float
    matrix_rate: float
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
    return trial_seconds(spec, shape, per_example=per_1000 / 1000, per_judged=judging_per_1000 / 1000) / 3600


def measure(spec: Spec, shape: Shape, *, examples: int | None, steps: int) -> Measured:
    """Time steps of a spec in this process.

    Args:
        spec: of a built-in trainer.
        shape: of its data set.
        examples: of a batch; None: as many as the spec gives to the devices that are used.
        steps: how many are timed, at least 1.
    """
    if not isinstance(spec.trainer, Single | Ensemble):
        raise typer.BadParameter(f"{spec.name}: trainer.kind is {spec.trainer.kind}, expected single or ensemble")
    model, recipe = spec.built_in()
    spec = spec.model_copy(update={"model": resolve_model(model)})
    timing = time_trainer(spec, shape, examples=examples, steps=steps)
    per_1000, judging_per_1000 = 1000 * timing.per_example, 1000 * timing.per_judged
    hours = device_hours(spec, shape, per_1000=per_1000, judging_per_1000=judging_per_1000)
    flop = trial_flop(spec, shape.image, n_train=shape.n_train, n_test=shape.n_test, n_classes=shape.n_classes)
    rate = matrix_rate() if timing.on_cpu else matrix_rate(8192, clock=time.perf_counter)
    return Measured(
        spec=spec.name,
        device=timing.device,
        n_devices=timing.n_devices,
        n_models=timing.n_models,
        batch=timing.batch,
        spec_batch=recipe.batch_size,
        steps=steps,
        median=timing.clock,
        worst=timing.worst,
        processor=timing.processor,
        per_1000=per_1000,
        judging_per_1000=judging_per_1000,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        hours_a_trial=hours,
        trials_an_hour=1 / hours,
        flop=flop,
        matrix_rate=rate,
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
        "trials / h",
        "FLOP / trial",
        "of GEMM",
        "h in all",
    )
    for column in names:
        rows.add_column(column, justify="left" if column in ("spec", "device") else "right")
    for one in measurements:
        rows.add_row(
            one.spec,
            one.device if one.n_devices == 1 else f"{one.n_devices} × {one.device}",
            f"{one.batch} of {one.spec_batch}" + (f" × {one.n_models}" if one.n_models > 1 else ""),
            f"{one.median:.3g}",
            f"{one.worst:.3g}",
            f"{one.processor:.3g}",
            f"{one.per_1000:.3g}",
            f"{one.judging_per_1000:.3g}",
            f"{one.hours_a_trial:,.3g}" if one.hours_a_trial < 100 else f"{one.hours_a_trial:,.0f}",
            f"{one.trials_an_hour:.3g}",
            f"{one.flop:.3g}",
            f"{one.flop / (3600 * one.hours_a_trial) / one.matrix_rate:.0%}",
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
    Console(width=160).print(table(measurements))
    if out is not None:
        out.write_text(json.dumps([asdict(one) for one in measurements], indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
