"""`mempipe run`: the whole pipeline on this machine, without Airflow: the same steps in the same order."""

from mempipe.errors import IncompleteRunError
from mempipe.runs import Span
from mempipe.spec import checked_name
from mempipe.steps.aggregate import aggregate
from mempipe.steps.plan import Wanted, plan
from mempipe.steps.progress import Reporter
from mempipe.steps.publish import publish
from mempipe.steps.validate import validate
from mempipe.steps.workers import ROUNDS, train_missing


def run_pipeline(
    spec_uri: str,
    store_uri: str,
    *,
    trials: int | None,
    n_workers: int | None,
    name: str | None,
    reporter: Reporter,
) -> str:
    """Plan, train, validate, aggregate and publish; what the store holds already is not done again.

    Returns:
        The release's URI.

    Raises:
        IncompleteRunError: shards were still corrupt in the second round.
    """
    if name is not None:
        checked_name(name)
    run, planned = plan(spec_uri, store_uri, Wanted(trials=trials), reporter)
    wanted = Span(0, planned.trials)
    for _ in range(ROUNDS):
        train_missing(run, wanted, reporter, n_workers=n_workers)
        report = validate(run.uri, planned.trials, reporter)
        if not report.missing:
            break
    else:
        raise IncompleteRunError(
            f"Run is incomplete: {run.uri} still misses {report.missing} after {ROUNDS} rounds of training.",
            hint="look at the quarantined shards to see what damages them, then run the same command again.",
        )
    aggregate(run.uri, planned.trials, reporter)
    return publish(run.uri, planned.trials, name, reporter)
