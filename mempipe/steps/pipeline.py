"""`mempipe run`: the whole pipeline on this machine, with the same steps as in Airflow."""

from mempipe.spans import Span
from mempipe.spec import checked_name
from mempipe.steps.aggregate import aggregate
from mempipe.steps.campaign import complete
from mempipe.steps.plan import PlanOptions, plan
from mempipe.steps.progress import Reporter
from mempipe.steps.publish import publish


def run_pipeline(
    spec_uri: str,
    store_uri: str,
    *,
    trials: Span | None,
    n_workers: int | None,
    name: str | None,
    reporter: Reporter,
) -> str:
    """Plan, train, validate, aggregate and publish; work that the store already holds is skipped.

    Returns:
        The release's URI.

    Raises:
        IncompleteRunError: shards were still corrupt in the last round.
    """
    if name is not None:
        checked_name(name)
    goal = plan(spec_uri, store_uri, PlanOptions(trials=trials), reporter)
    complete([goal], reporter, n_workers=n_workers)
    aggregate(goal.run.uri, goal.trials, reporter)
    return publish(goal.run.uri, goal.trials, name, reporter)
