"""Trains a campaign on this machine: train, validate, repair, until nothing is missing."""

from typing import Final

from mempipe.errors import IncompleteRunError
from mempipe.runs import Campaign
from mempipe.steps.progress import Reporter
from mempipe.steps.validate import validate
from mempipe.steps.workers import train_missing

ROUNDS: Final = 2
"""A corrupt shard's trials are trained again in the second round; what fails then needs a person."""


def complete(campaign: Campaign, reporter: Reporter, *, n_workers: int | None) -> None:
    """Train what a planned campaign misses with processes of this machine, validate it, and train the repairs.

    Args:
        campaign: the runs and their trials.
        reporter: told of the progress.
        n_workers: processes at once; None: as many as the cores carry.

    Raises:
        MempipeError: training failed for good.
        IncompleteRunError: shards were still corrupt in the last round.
    """
    for _ in range(ROUNDS):
        for goal in campaign:
            train_missing(goal, reporter, n_workers=n_workers)
        reports = validate(campaign, reporter)
        lacking = {report.run_uri: report.missing for report in reports if report.missing}
        if not lacking:
            return
    runs = ", ".join(f"{uri} lacks {sum(map(len, missing))} trials" for uri, missing in lacking.items())
    raise IncompleteRunError(
        f"Training is incomplete: {runs} after {ROUNDS} rounds.",
        hint="see in quarantine/ of the run what damages its shards, then run the same command again.",
    )
