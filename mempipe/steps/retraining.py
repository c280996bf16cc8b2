"""Plans an experiment's trainings: with what its release was trained, on other subsets of the same data set."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from mempipe.data import Dataset, load_dataset, resolve_data
from mempipe.errors import DataError, InputError
from mempipe.experiments.training import Training
from mempipe.places import MANIFEST
from mempipe.release.scores import Scores
from mempipe.runs import Campaign, Goal, Plan, Span, plan_campaign, register_run
from mempipe.spec import Spec, Subsets, validated
from mempipe.steps.progress import Reporter
from mempipe.storage import Store
from mempipe.subsets import removed_mask, subset_size

SUFFIX: Final = "-removal"
"""Of the names of runs from which examples are removed, so that they are told apart from those with scores."""


def plan_trainings(
    root: Store, release: Scores, trainings: Sequence[Training], data: dict[str, Any] | None, reporter: Reporter
) -> tuple[Campaign, dict[str, Plan]]:
    """Record the runs of an experiment's trainings and plan what is missing of them.

    Args:
        root: the store that keeps the runs.
        release: whose models are trained anew.
        trainings: what the experiment needs.
        data: where the data set lies now, as a spec's `data`; None: where the release says.
        reporter: told of the data set.

    Returns:
        The runs and their trials, in the order of the trainings, and the runs' plans by run URI.

    Raises:
        InputError: the release was not trained by mempipe, or a removal leaves none of a class.
        DataError: the data set is not the release's.
    """
    if not trainings:
        return [], {}
    spec, dataset = spec_and_data(release, data)
    check_classes_remain(trainings, dataset)
    campaign = [
        Goal(
            run=register_run(root, spec.model_copy(update={"subsets": training.subsets}), dataset),
            trials=Span(0, training.trials),
            role=training.role,
        )
        for training in trainings
    ]
    reporter.note(f"{dataset.name}: {dataset.n_train} train, {dataset.n_test} test")
    sizes = [scaled_task_size(spec, training.subsets, dataset.n_train) for training in trainings]
    return campaign, plan_campaign(campaign, task_sizes=sizes, data=spec.data, influence="class")


def scaled_task_size(spec: Spec, subsets: Subsets, n_train: int) -> int:
    """Return how many chunks with these subsets take about as long as the spec's `task_size` with its own; at least 1.

    A trial's time grows with its subset: floor(task_size * (size of the spec's subsets) / (size of these)).
    """
    return max(1, spec.task_size * subset_size(spec.subsets, n_train) // subset_size(subsets, n_train))


def spec_and_data(release: Scores, data: dict[str, Any] | None) -> tuple[Spec, Dataset]:
    """Return the release's spec, named for removals, and its data set.

    Args:
        release: whose models are trained anew.
        data: where the data set lies now, as a spec's `data`; None: where the release says.

    Raises:
        InputError: the release was not trained by mempipe.
        DataError: the data set cannot be read, or is another one.
    """
    if release.spec is None:
        raise InputError(
            f"Models cannot be trained: {release.uri} has no spec, as its scores are of models that were trained "
            "elsewhere.",
            hint="choose a release that mempipe trained.",
        )
    document = release.spec | ({} if data is None else {"data": data})
    spec = validated(Spec, document, source=f"{release.uri}/{MANIFEST}")
    own = {"name": spec.name[: 63 - len(SUFFIX)] + SUFFIX, "influence": "class", "data": resolve_data(spec.data)}
    spec = spec.model_copy(update=own)
    dataset = load_dataset(spec.data)
    if dataset.fingerprint != release.data.fingerprint:
        raise DataError(
            f"Data set is not the release's: {dataset.name} fingerprint is {dataset.fingerprint[:16]}…, "
            f"expected {str(release.data.fingerprint)[:16]}….",
            hint="say by --data where the release's own data set lies now.",
        )
    return spec, dataset


def check_classes_remain(trainings: Iterable[Training], dataset: Dataset) -> None:
    """Check that each removal leaves some training examples of each class.

    Raises:
        InputError: one leaves none of a class; says which.
    """
    for training in trainings:
        kept = dataset.train_labels[~removed_mask(training.subsets, dataset.n_train)]
        gone = np.flatnonzero(np.bincount(kept, minlength=dataset.n_classes) == 0)
        if gone.size:
            raise InputError(
                f"Models cannot be trained: {training.role!r} leaves no training example of "
                f"{_listed([dataset.class_names[label] for label in gone])}, expected at least one of each class.",
                hint="leave this threshold out.",
            )


def _listed(names: list[str]) -> str:
    classes = "class" if len(names) == 1 else "classes"
    return f"{classes} {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
