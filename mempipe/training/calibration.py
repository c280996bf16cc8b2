"""What a trial costs by each built-in trainer on this machine: measured in child processes, and kept in the cache.

    $MEMPIPE_CACHE/trainers-KEY.json   seconds an example, by trainer

The key covers the hardware, the software, the model, the shape of the images, the batch size, and width and threads of
the trainers: all on which the seconds depend. `python -m mempipe.training.calibration` is the child.
"""

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import Field, ValidationError

from mempipe.data.fetch import cache_folder
from mempipe.errors import InputError, SpecError
from mempipe.parent_death import die_with_parent
from mempipe.spec import Spec, Strict
from mempipe.storage.files import complete_file
from mempipe.training.hardware import describe_hardware, describe_software
from mempipe.training.own.gpu import gpu_name
from mempipe.training.timing import Shape, time_trainer

_FORMAT: Final = 1
_HINT: Final = "name the trainer in the spec: `trainer.kind: single` or `trainer.kind: ensemble`."


class Seconds(Strict):
    """What one model takes: processor time, or time of the clock where a GPU computes.

    Attributes:
        per_example: seconds of training on one example.
        per_judged: seconds of judging one example.
    """

    per_example: float = Field(gt=0)
    per_judged: float = Field(gt=0)


class Calibration(Strict):
    """What one model takes by each trainer."""

    single: Seconds
    ensemble: Seconds


class Candidates(NamedTuple):
    """A spec with either trainer, resolved."""

    single: Spec
    ensemble: Spec


def cached_calibration(candidates: Candidates, shape: Shape) -> Calibration | None:
    """Return what was measured on this machine before; None where nothing was, or where it is damaged."""
    try:
        return Calibration.model_validate_json(cache_file(candidates, shape).read_bytes())
    except (OSError, ValidationError):
        return None


def keep(calibration: Calibration, candidates: Candidates, shape: Shape) -> None:
    """Write a measurement into the cache.

    Raises:
        InputError: the cache cannot be written.
    """
    with complete_file(cache_file(candidates, shape)) as file:
        file.write(calibration.model_dump_json(indent=1).encode())


def cache_file(candidates: Candidates, shape: Shape) -> Path:
    """Return where a measurement is kept; its name holds all on which the measurement depends."""
    model, recipe = candidates.single.built_in()
    parts = {
        "format": _FORMAT,
        "hardware": [describe_hardware("cpu")["hardware_key"], gpu_name()],
        "software": describe_software(),
        "model": model.model_dump(mode="json"),
        "image": [*shape.image, shape.n_classes],
        "batch_size": recipe.batch_size,
        "trainers": [candidate.trainer.model_dump(mode="json") for candidate in candidates],
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]
    return cache_folder() / f"trainers-{key}.json"


def measured_seconds(spec: Spec, shape: Shape) -> Seconds:
    """Time the trainer of a spec in a process of its own, for some seconds, on made-up images.

    Args:
        spec: resolved.
        shape: of its data set.

    Raises:
        SpecError: the trainer cannot train the model.
        InputError: the process failed.
    """
    request = json.dumps({"spec": spec.model_dump(mode="json"), "shape": asdict(shape)})
    command = [sys.executable, "-P", "-m", __name__]
    child = subprocess.run(  # noqa: S603 - this module
        command, input=request, capture_output=True, text=True, check=False, preexec_fn=die_with_parent()
    )
    *_, answer = ["", *child.stdout.splitlines()]
    if child.returncode == 0:
        return Seconds.model_validate_json(answer)
    if child.returncode == SpecError.exit_code:
        raise SpecError(answer, hint=_HINT)
    *_, last = ["no output", *child.stderr.splitlines()]
    raise InputError(
        f"Trainers cannot be compared: {spec.name} trainer.kind {spec.trainer.kind} ended with exit code "
        f"{child.returncode} ({last[:300]}), expected 0.",
        hint=_HINT,
    )


def _answer(request: str) -> int:
    """Print what was measured, or why the trainer cannot train the model; return the exit code."""
    given = json.loads(request)
    image = tuple(given["shape"].pop("image"))
    try:
        timing = time_trainer(Spec.model_validate(given["spec"]), Shape(**given["shape"], image=image))
    except SpecError as error:
        print(error.message)
        return error.exit_code
    print(Seconds(per_example=timing.per_example, per_judged=timing.per_judged).model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(_answer(sys.stdin.read()))
