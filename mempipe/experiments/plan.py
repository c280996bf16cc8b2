"""The plan of an experiment: its runs and their missing tasks; stored beside its results."""

from collections.abc import Mapping
from typing import Any, ClassVar

from mempipe.errors import MempipeError, ObjectNotFoundError, RunError
from mempipe.runs import Campaign, Plan, Span, goal_of
from mempipe.spec import Document, Stored
from mempipe.storage import Store


class PlannedRun(Stored):
    """A run that the experiment needs.

    Attributes:
        role: its role in the experiment.
        uri: URI of the run.
        trials: number of its trials that the experiment uses.
    """

    role: str
    uri: str
    trials: int


class PlannedTask(Stored):
    """Trials of a run that one `mempipe train` trains."""

    run: str
    trials: Span


class ExperimentPlan(Document):
    """An experiment on a release, with the campaign that it needs.

    Attributes:
        experiment: its name.
        release: URI of the release.
        store: URI of the store of its runs and results.
        params: all parameters, with defaults.
        runs: in the order of the experiment's trainings.
        tasks: tasks that were missing when the experiment was planned or last validated.
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
        """Open the runs and return them with their trials.

        Raises:
            RunError: one is missing.
        """
        return [goal_of(run.uri, Span(0, run.trials), run.role) for run in self.runs]


def tasks_of(plans: Mapping[str, Plan]) -> tuple[PlannedTask, ...]:
    """Return the tasks of the runs' own plans, given by run URI."""
    return tuple(PlannedTask(run=uri, trials=span) for uri, plan in plans.items() for span in plan.tasks)


def read_experiment_plan(store: Store, key: str) -> ExperimentPlan:
    """Read a plan.

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
