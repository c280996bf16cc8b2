"""Trains a campaign on this machine: train, validate, repair, until nothing is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mempipe.errors import IncompleteRunError
from mempipe.runs import Campaign
from mempipe.steps.progress import Reporter
from mempipe.steps.train import train
from mempipe.steps.validate import validate
from mempipe.steps.workers import train_missing

if TYPE_CHECKING:
    from mempipe.training.own import Trials

ROUNDS: Final = 2
"""The second round trains the trials of corrupt shards again; if shards are corrupt again, a person must look."""


def complete(
    campaign: Campaign,
    reporter: Reporter,
    *,
    n_workers: int | None,
    function: Callable[[Trials], Any] | None = None,
) -> None:
    """Train the missing trials of a planned campaign in local processes, validate them, and train the repairs.

    Args:
        campaign: the runs and their trials.
        reporter: receives progress and notes.
        n_workers: number of concurrent processes; None: one for each core, or fewer if a process has several threads.
        function: an own trainer of this process, which then trains alone.

    Raises:
        MempipeError: training failed permanently.
        IncompleteRunError: shards were still corrupt in the last round.
    """
    for _ in range(ROUNDS):
        for goal in campaign:
            if function is None:
                train_missing(goal, reporter, n_workers=n_workers)
            elif goal.missing():
                train(goal.run.uri, goal.trials, reporter, function=function)
        reports = validate(campaign, reporter)
        lacking = {report.run_uri: report.missing for report in reports if report.missing}
        if not lacking:
            return
    runs = ", ".join(f"{uri} lacks {sum(map(len, missing))} trials" for uri, missing in lacking.items())
    raise IncompleteRunError(
        f"Training is incomplete: {runs} after {ROUNDS} rounds.",
        hint="read the records in quarantine/ of the run for the cause, then run the same command again.",
    )
