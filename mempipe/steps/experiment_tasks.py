"""Which training tasks an experiment needs: of all its runs together, each about as long as a task of the release."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mempipe.experiments.plan import ExperimentPlan, PlannedRun, PlannedTask
from mempipe.experiments.training import Training
from mempipe.release.load import Release
from mempipe.runs import Run, open_run, read_plan, register_run
from mempipe.runs.chunks import MAX_TASKS
from mempipe.spec import Component, Spec, Subsets
from mempipe.steps.plan import plan_missing
from mempipe.steps.progress import Reporter
from mempipe.steps.retraining import check_classes_remain, spec_and_data
from mempipe.storage import Store, open_store
from mempipe.subsets import subset_size


@dataclass(frozen=True)
class _Wanted:
    """The first `trials` trials of a run, to be trained in tasks of `task_size` chunks with the data from `data`."""

    run: Run
    trials: int
    task_size: int
    data: Component


def plan_trainings(
    root: Store, release: Release, trainings: list[Training], data: dict[str, Any] | None, reporter: Reporter
) -> tuple[list[PlannedRun], list[PlannedTask]]:
    """Record the runs of an experiment's trainings and plan what is missing of them.

    Args:
        root: the store that keeps the runs.
        release: whose models are trained anew.
        trainings: what the experiment asks for.
        data: where the data set lies now, as a spec's `data`; None: where the release says.
        reporter: told of the data set.

    Returns:
        The runs, in the order of the trainings, and the tasks.

    Raises:
        InputError: the release was not trained by mempipe, or a removal leaves none of a class.
        DataError: the data set is not the release's.
    """
    if not trainings:
        return [], []
    spec, dataset = spec_and_data(release, data)
    check_classes_remain(trainings, dataset)
    runs, wanted = [], []
    for training in trainings:
        run = register_run(root, spec.model_copy(update={"subsets": training.subsets}), dataset)
        runs.append(PlannedRun(role=training.role, uri=run.uri, trials=training.trials))
        task_size = scaled_task_size(spec, training.subsets, dataset.n_train)
        wanted.append(_Wanted(run, training.trials, task_size, spec.data))
    reporter.note(f"{dataset.name}: {dataset.n_train} train, {dataset.n_test} test")
    return runs, _tasks(wanted)


def plan_again(plan: ExperimentPlan) -> ExperimentPlan:
    """Plan what is missing of an experiment's runs now (after a shard was moved aside), a chunk in each task."""
    wanted = []
    for planned in plan.runs:
        run = open_run(open_store(planned.uri))
        wanted.append(_Wanted(run, planned.trials, 1, read_plan(run.store).data))
    return plan.model_copy(update={"tasks": tuple(_tasks(wanted))})


def scaled_task_size(spec: Spec, subsets: Subsets, n_train: int) -> int:
    """Return how many chunks with these subsets take about as long as the spec's `task_size` with its own; at least 1.

    A trial's time grows with its subset: floor(task_size * (size of the spec's subsets) / (size of these)).
    """
    return max(1, spec.task_size * subset_size(spec.subsets, n_train) // subset_size(subsets, n_train))


def _tasks(wanted: Sequence[_Wanted]) -> list[PlannedTask]:
    """Return the tasks of all runs: together no more than one run may have, as Airflow maps them at once."""
    wanted = list({item.run.uri: item for item in wanted}.values())  # thresholds may remove the same examples
    factor = 1
    while True:
        planned = [
            plan_missing(
                item.run, item.trials, task_size=item.task_size * factor, data=item.data, influence="class"
            ).tasks
            for item in wanted
        ]
        if sum(len(tasks) for tasks in planned) <= MAX_TASKS or max(len(tasks) for tasks in planned) == 1:
            return [
                PlannedTask(run=item.run.uri, trials=span)
                for item, tasks in zip(wanted, planned, strict=True)
                for span in tasks
            ]
        factor *= 2
