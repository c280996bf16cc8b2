"""`plan.json`: what was asked for last: how many trials, from where the data, which pairs; and the tasks to do."""

from typing import ClassVar, Literal

from mempipe.errors import GenerationError, MempipeError, ObjectNotFoundError, RunError
from mempipe.places import PLAN
from mempipe.spans import Span
from mempipe.spec import Component, Document
from mempipe.storage.protocol import Store
from mempipe.storage.put import put


class Plan(Document):
    """The latest plan of a run.

    Attributes:
        first, trials: the run is complete when the trials `first` to `trials - 1` are committed.
        n_missing: trials that were missing when it was made.
        tasks: spans of trials, each for one `mempipe train`.
        data: where the data set lies now; its content is the run's, which its fingerprint proves.
        influence: which pairs to count.
        estimators: what scores to make of the counts.
    """

    FAILURE: ClassVar[str] = "Plan cannot be used"
    ERROR: ClassVar[type[MempipeError]] = RunError
    HINT: ClassVar[str] = "run `mempipe plan` again."

    first: int = 0
    trials: int
    n_missing: int
    tasks: tuple[Span, ...]
    data: Component
    influence: Literal["class", "full"]
    estimators: tuple[str, ...] = ("plain",)

    @property
    def span(self) -> Span:
        """The trials that the run is to have."""
        return Span(self.first, self.trials)


def write_plan(store: Store, plan: Plan) -> None:
    """Replace the run's plan."""
    try:
        put(store, PLAN, plan.to_json())
    except GenerationError as error:
        raise GenerationError(
            f"Plan cannot be written: {store.uri}/{PLAN} changes all the time, expected one planner at once.",
            hint="let one DAG run of this run finish before the next plans.",
        ) from error


def read_plan(store: Store) -> Plan:
    """Return the run's latest plan.

    Raises:
        RunError: the run was never planned, or the plan is damaged.
    """
    source = f"{store.uri}/{PLAN}"
    try:
        return Plan.from_json(store.read(PLAN), source=source)
    except ObjectNotFoundError as error:
        raise RunError(
            f"Run has no plan: {source} is missing, expected a plan.",
            hint="run `mempipe plan SPEC --store URI` first.",
        ) from error
