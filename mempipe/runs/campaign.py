"""A campaign: the trials that one run or several must have. Its plan says which tasks train what is missing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mempipe.runs.plan import Plan, plan_tasks, read_plan, write_plan
from mempipe.runs.run import Run, open_run
from mempipe.spans import Span
from mempipe.spec import Component
from mempipe.storage import open_store

Influence = Literal["class", "full"]


@dataclass(frozen=True)
class Goal:
    """The trials that a run must have.

    Attributes:
        run: the run.
        trials: the trials.
        role: of the run in its campaign.
    """

    run: Run
    trials: Span
    role: str = ""

    def missing(self) -> list[Span]:
        """Return the chunks that have no committed shard."""
        return self.run.missing(self.trials)


Campaign = Sequence[Goal]


def goal_of(run_uri: str, trials: Span | None = None, role: str = "") -> Goal:
    """Open a run and return some of its trials as a goal; None: those of its plan.

    Raises:
        RunError: there is no run, or it has no plan that says which.
    """
    run = open_run(open_store(run_uri))
    return Goal(run, trials or read_plan(run.store).span, role)


def plan_campaign(
    campaign: Campaign,
    *,
    task_sizes: Iterable[int],
    data: Component,
    influence: Influence,
    estimators: tuple[str, ...] = ("plain",),
) -> dict[str, Plan]:
    """Write the plan of each run of a campaign.

    The tasks of all runs together are at most `MAX_TASKS`: where they would be more, they get longer.

    Args:
        campaign: the runs and their trials; a run may come twice.
        task_sizes: for each of them the number of chunks that one task trains.
        data: where the data set lies now.
        influence: which pairs to count.
        estimators: that compute scores from the counts.

    Returns:
        Each run's plan by the run's URI.
    """
    use = _Use(data, influence, estimators)
    return _write([(goal, size, use) for goal, size in zip(campaign, task_sizes, strict=True)])


def plan_repairs(campaign: Campaign) -> dict[str, Plan]:
    """Plan again what is missing of runs that have a plan, one chunk in each task; returns the plans by run URI."""
    plans = [read_plan(goal.run.store) for goal in campaign]
    uses = (_Use(plan.data, plan.influence, plan.estimators) for plan in plans)
    return _write([(goal, 1, use) for goal, use in zip(campaign, uses, strict=True)])


class _Use(NamedTuple):
    """What a plan says beside the trials."""

    data: Component
    influence: Influence
    estimators: tuple[str, ...]


def _write(parts: Iterable[tuple[Goal, int, _Use]]) -> dict[str, Plan]:
    unique = list({part[0].run.uri: part for part in parts}.values())
    missing = [goal.missing() for goal, *_ in unique]
    windows = [goal.run.record.spec.chunk_size * size for goal, size, *_ in unique]
    plans = {}
    for (goal, _, use), chunks, tasks in zip(unique, missing, plan_tasks(missing, windows), strict=True):
        plan = Plan(
            first=goal.trials.start,
            trials=goal.trials.stop,
            n_missing=sum(len(chunk) for chunk in chunks),
            tasks=tuple(tasks),
            **use._asdict(),
        )
        write_plan(goal.run.store, plan)
        plans[goal.run.uri] = plan
    return plans
