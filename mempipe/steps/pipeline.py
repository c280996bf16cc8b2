"""`mempipe run`: the whole pipeline on this machine, with the same steps as in Airflow."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from mempipe.spans import Span
from mempipe.spec import Spec, checked_name
from mempipe.steps.aggregate import aggregate
from mempipe.steps.campaign import complete
from mempipe.steps.plan import PlanOptions, plan
from mempipe.steps.progress import Reporter
from mempipe.steps.publish import publish

if TYPE_CHECKING:
    from mempipe.training.own import Trials

_PUBLISHING: Final = ("great_expectations", "pandas")
"""Optional packages that are needed after training; without them nothing is begun."""


def run_pipeline(
    spec: str | Spec,
    store_uri: str,
    *,
    trials: Span | None,
    n_workers: int | None,
    name: str | None,
    reporter: Reporter,
    function: Callable[[Trials], Any] | None = None,
) -> str:
    """Plan, train, validate, aggregate and publish; work that the store already holds is skipped.

    Args:
        spec: the spec, or its path, URI or name.
        store_uri: URI of the store.
        trials: None: those that the spec names.
        n_workers: training processes at once; None: one for each core.
        name: of the release; None: the spec's.
        reporter: receives progress and notes.
        function: of this process, which trains instead of processes of its own.

    Returns:
        The release's URI.

    Raises:
        IncompleteRunError: shards were still corrupt in the last round.
        ModuleNotFoundError: the packages of `mempipe[pipeline]` are not installed.
    """
    if name is not None:
        checked_name(name)
    for package in _PUBLISHING:
        if find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    options = PlanOptions(trials=trials, trains_here=True, has_trainer=function is not None)
    goal = plan(spec, store_uri, options, reporter)
    complete([goal], reporter, n_workers=n_workers, function=function)
    aggregate(goal.run.uri, goal.trials, reporter)
    return publish(goal.run.uri, goal.trials, name, reporter)
