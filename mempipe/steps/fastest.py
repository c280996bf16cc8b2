"""Chooses between the built-in trainers where a spec leaves it to the plan: `trainer.kind: fastest`."""

from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from mempipe.data import Dataset
from mempipe.errors import InputError, SpecError
from mempipe.runs import find_run
from mempipe.spec import Ensemble, Fastest, Single, Spec
from mempipe.steps.progress import Reporter
from mempipe.steps.tiny_trials import n_groups
from mempipe.storage import Store
from mempipe.training.calibration import Calibration, Candidates, cached_calibration, keep, measured_seconds
from mempipe.training.own.memory import default_limit
from mempipe.training.presence import absence
from mempipe.training.timing import Shape, trial_seconds

_COPIES: Final = 3
"""Of the images, while the ensemble loads them."""


def choose_trainer(spec: Spec, dataset: Dataset, root: Store | None, reporter: Reporter) -> Spec:
    """Return the spec with the trainer that it names; of those that leave it open, with the faster one.

    In this order: the only trainer that fits the spec; that of a run of this spec in the store; the only one that fits
    this machine or the model; the one that takes less time a trial, as measured on this machine now or earlier.

    Args:
        spec: resolved but for its trainer.
        dataset: the data set that it names.
        root: the store of the run; None: there is none.
        reporter: receives the choice and its reason.

    Raises:
        InputError: TensorFlow is needed for the measurement and missing; or the measurement failed.
    """
    trainer = spec.trainer
    if not isinstance(trainer, Fastest):
        return spec
    single = spec.model_copy(update={"trainer": Single(kind="single", threads=trainer.threads)})
    ensemble = _with_ensemble(spec, Ensemble(kind="ensemble", width=trainer.width, threads=trainer.threads))
    if ensemble is None:
        chosen, reason = single, "the only one with this recipe and precision"
    else:
        chosen, reason = _chosen(Candidates(single, ensemble), dataset, root, reporter)
    reporter.note(f"trainer: {chosen.trainer.kind}, {reason}")
    return chosen


def _with_ensemble(spec: Spec, ensemble: Ensemble) -> Spec | None:
    try:
        return Spec.model_validate(spec.model_dump() | {"trainer": ensemble})
    except ValidationError:  # its recipe or its precision does not go with an ensemble
        return None


def _chosen(candidates: Candidates, dataset: Dataset, root: Store | None, reporter: Reporter) -> tuple[Spec, str]:
    runs = [(run, spec) for spec in candidates if root is not None and (run := find_run(root, spec, dataset))]
    if runs:
        run, spec = max(runs, key=lambda pair: len(pair[0].shards()))
        return spec, f"as in {run.uri}"
    images = dataset.images
    if _COPIES * (images.train.nbytes + images.test.nbytes) > default_limit():
        return candidates.single, "as memory is too small for the images in an ensemble"
    shape = Shape(dataset.n_train, dataset.n_test, dataset.n_classes, images.shape)
    try:
        calibration = cached_calibration(candidates, shape) or _measured(candidates, shape, reporter)
    except SpecError as error:
        return candidates.single, f"the only one that fits ({error.message})"
    costs = zip(candidates, (calibration.single, calibration.ensemble), strict=True)
    seconds = [
        trial_seconds(spec, shape, per_example=cost.per_example, per_judged=cost.per_judged) * _padding(spec)
        for spec, cost in costs
    ]
    faster, slower = (0, 1) if seconds[0] <= seconds[1] else (1, 0)
    return candidates[faster], (
        f"{_short(seconds[faster])} s a trial against {_short(seconds[slower])} s of "
        f"{candidates[slower].trainer.kind}, measured on this machine"
    )


def _measured(candidates: Candidates, shape: Shape, reporter: Reporter) -> Calibration:
    """Measure both trainers and keep the result.

    Raises:
        SpecError: the ensemble cannot train the model.
        InputError: TensorFlow is missing, or a measurement failed.
    """
    single, ensemble = candidates
    if absence(single):
        raise InputError(
            f"Trainer cannot be chosen here: {single.name} trainer.kind is fastest and TensorFlow, which measures the "
            "trainers, is missing, expected it on this machine.",
            hint="name the trainer: `trainer.kind: single` or `trainer.kind: ensemble`; or plan where it is trained.",
        )
    with reporter.stage("measuring trainers", total=2, unit="trainers") as advance:
        of_ensemble = measured_seconds(ensemble, shape)
        advance(1)
        calibration = Calibration(single=measured_seconds(single, shape), ensemble=of_ensemble)
        advance(1)
    with suppress(InputError):  # without a cache both are measured again
        keep(calibration, candidates, shape)
    return calibration


def _padding(spec: Spec) -> float:
    """Return how many models are trained for each trial: members of a group that are no trial cost as much."""
    if not isinstance(spec.trainer, Ensemble):
        return 1.0
    starts = range(0, spec.trials, spec.chunk_size)
    n = sum(n_groups(spec, range(start, min(start + spec.chunk_size, spec.trials))) for start in starts)
    return n * spec.trainer.width / spec.trials


def _short(seconds: float) -> str:
    return f"{seconds:.2g}" if seconds < 100 else f"{seconds:,.0f}"
