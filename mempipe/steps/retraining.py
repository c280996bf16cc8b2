"""Plans an experiment's trainings: the release's spec on other subsets of the same data set."""

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
"""Suffix of the names of runs with removed examples, to distinguish them from runs with scores."""


def plan_trainings(
    root: Store, release: Scores, trainings: Sequence[Training], data: dict[str, Any] | None, reporter: Reporter
) -> tuple[Campaign, dict[str, Plan]]:
    """Record the runs of an experiment's trainings and plan their missing trials.

    Args:
        root: store of the runs.
        release: the release whose spec is used.
        trainings: the trainings that the experiment needs.
        data: where the data set is now, as a spec's `data`; None: as the release records.
        reporter: receives progress and notes.

    Returns:
        The runs and their trials, in the order of the trainings, and the runs' plans by run URI.

    Raises:
        InputError: the release was not trained by mempipe, or a removal leaves no example of a class.
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
    """Return the number of chunks of a task, at least 1, so that it takes about as long as the spec's own tasks.

    A trial's time grows with its subset: floor(task_size * (size of the spec's subsets) / (size of these)).
    """
    return max(1, spec.task_size * subset_size(spec.subsets, n_train) // subset_size(subsets, n_train))


def spec_and_data(release: Scores, data: dict[str, Any] | None) -> tuple[Spec, Dataset]:
    """Return the release's spec, with the name of a removal, and its data set.

    Args:
        release: the release whose spec is used.
        data: where the data set is now, as a spec's `data`; None: as the release records.

    Raises:
        InputError: the release was not trained by mempipe.
        DataError: the data set cannot be read, or is another one.
    """
    if release.spec is None:
        raise InputError(
            f"Models cannot be trained: {release.uri} has no spec, expected one: its models were not "
            "trained by mempipe.",
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
            hint="give the location of the release's data set by --data.",
        )
    return spec, dataset


def check_classes_remain(trainings: Iterable[Training], dataset: Dataset) -> None:
    """Check that each removal leaves some training examples of each class.

    Raises:
        InputError: a removal leaves no example of a class.
    """
    for training in trainings:
        remaining = dataset.train_labels[~removed_mask(training.subsets, dataset.n_train)]
        empty = np.flatnonzero(np.bincount(remaining, minlength=dataset.n_classes) == 0)
        if empty.size:
            raise InputError(
                f"Models cannot be trained: {training.role!r} leaves no training example of "
                f"{_listed([dataset.class_names[label] for label in empty])}, expected at least one of each class.",
                hint="leave this threshold out.",
            )


def _listed(names: list[str]) -> str:
    classes = "class" if len(names) == 1 else "classes"
    return f"{classes} {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
