"""The plan of an experiment: which runs are trained for it, and which tasks are missing; kept beside its results."""

from collections.abc import Mapping
from typing import Any, ClassVar

from mempipe.errors import MempipeError, ObjectNotFoundError, RunError
from mempipe.runs import Campaign, Plan, Span, goal_of
from mempipe.spec import Document, Stored
from mempipe.storage import Store


class PlannedRun(Stored):
    """A run that the experiment needs.

    Attributes:
        role: what it is in the experiment.
        uri: of the run.
        trials: how many of its trials.
    """

    role: str
    uri: str
    trials: int


class PlannedTask(Stored):
    """Trials of a run, for one `mempipe train`."""

    run: str
    trials: Span


class ExperimentPlan(Document):
    """An experiment on a release, and the campaign that trains for it.

    Attributes:
        experiment: its name.
        release: URI of the release that it belongs to.
        store: URI of the store that keeps runs and results.
        params: all parameters, defaults too.
        runs: in the order of the experiment's trainings.
        tasks: that were missing when it was planned, or validated since.
    """

    FAILURE: ClassVar[str] = "Plan cannot be used"
    ERROR: ClassVar[type[MempipeError]] = RunError
    HINT: ClassVar[str] = "run `mempipe experiment plan` again."
    INDENT: ClassVar[int] = 1

    experiment: str
    release: str
    store: str
    params: dict[str, Any]
    runs: tuple[PlannedRun, ...]
    tasks: tuple[PlannedTask, ...]

    def campaign(self) -> Campaign:
        """Open the runs.

        Raises:
            RunError: one is missing.
        """
        return [goal_of(run.uri, Span(0, run.trials), run.role) for run in self.runs]


def tasks_of(plans: Mapping[str, Plan]) -> tuple[PlannedTask, ...]:
    """Return the tasks of the runs' own plans, which are given by run URI."""
    return tuple(PlannedTask(run=uri, trials=span) for uri, plan in plans.items() for span in plan.tasks)


def read_experiment_plan(store: Store, key: str) -> ExperimentPlan:
    """Return a plan.

    Raises:
        RunError: it is missing or damaged.
    """
    source = f"{store.uri}/{key}"
    try:
        return ExperimentPlan.from_json(store.read(key), source=source)
    except ObjectNotFoundError as error:
        raise RunError(
            f"Experiment was not planned: {source} is missing, expected a plan.",
            hint="run `mempipe experiment plan` first and use the URI that it prints.",
        ) from error
