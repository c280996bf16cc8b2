"""`mempipe validate`: checks the shards of a campaign, quarantines corrupt ones and plans their trials again."""

from mempipe.runs import Campaign, Goal, plan_repairs
from mempipe.steps.progress import Reporter
from mempipe.validation.report import ValidationReport
from mempipe.validation.validate import n_to_check, validate_run

_LISTED = 10


def validate(campaign: Campaign, reporter: Reporter) -> list[ValidationReport]:
    """Validate the trials of each run; if any are missing afterwards, plan the repairs of all runs.

    Args:
        campaign: the runs and their trials.
        reporter: receives progress and notes.

    Returns:
        The report on each run, in the same order.

    Raises:
        TrialError: a shard was trained again after its quarantine and has the same bad bytes.
        RunError: a run with missing trials has no plan.
    """
    reports = [_validate(goal, reporter) for goal in campaign]
    if any(report.missing for report in reports):
        plans = plan_repairs(campaign).values()
        n_missing, n_tasks = sum(plan.n_missing for plan in plans), sum(len(plan.tasks) for plan in plans)
        reporter.note(f"{n_missing} trials are missing and planned again, in {n_tasks} tasks")
    return reports


def _validate(goal: Goal, reporter: Reporter) -> ValidationReport:
    run, trials = goal.run, goal.trials
    if goal.role:
        reporter.note(goal.role)
    with reporter.stage("validating", total=n_to_check(run, trials), unit="shards") as advance:
        report = validate_run(run, trials, progress=advance)
    for record in report.quarantined[-_LISTED:]:
        reporter.note(f"moved aside: {record.reason} Kept as {record.bytes_key}.")
    for odd in report.odd[:_LISTED]:
        reporter.note(f"odd, but valid and counted: trial {odd.trial}: {odd.reason}")
    if not report.missing:
        reporter.note(f"trials {trials.start} to {trials.stop - 1} are valid, {len(report.odd)} of them odd")
    return report
