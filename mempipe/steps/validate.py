"""`mempipe validate`: checks a run's shards, moves bad ones aside and plans their trials again."""

from mempipe.errors import IncompleteRunError, RunError
from mempipe.runs import Run, Span, open_run, read_plan
from mempipe.steps.plan import replan
from mempipe.steps.progress import Reporter
from mempipe.storage import open_store
from mempipe.validation.coverage import overlapping
from mempipe.validation.expectations import shard_quality
from mempipe.validation.report import ValidationReport, read_report, validation_id
from mempipe.validation.validate import n_to_check, validate_run

_LISTED = 10


def validate(run_uri: str, trials: int | None, reporter: Reporter) -> ValidationReport:
    """Validate trials 0 to `trials` - 1 (the plan's by default); what is missing afterwards is in the new plan."""
    run = open_run(open_store(run_uri))
    wanted = Span(0, trials or read_plan(run.store).trials)
    with reporter.stage("validating", total=n_to_check(run, wanted), unit="shards") as advance:
        report = validate_run(run, wanted, progress=advance)
    for record in report.quarantined[-_LISTED:]:
        reporter.note(f"moved aside: {record.reason} Kept as {record.bytes_key}.")
    for odd in report.odd[:_LISTED]:
        reporter.note(f"odd, but valid and counted: trial {odd.trial}: {odd.reason}")
    if report.missing:
        plan = replan(run, wanted.stop)
        reporter.note(f"{plan.n_missing} trials are missing and planned again, in {len(plan.tasks)} tasks")
    else:
        reporter.note(f"trials {wanted.start} to {wanted.stop - 1} are valid, {len(report.odd)} of them odd")
    return report


def valid_report(run: Run, wanted: Span) -> ValidationReport:
    """Return the report on exactly the shards that are committed now.

    Raises:
        IncompleteRunError: trials are missing.
        RunError: the shards have not been validated since they last changed.
    """
    refs = overlapping(run.shards(), wanted)
    missing = run.missing(wanted, committed=refs)
    if missing:
        listed = ", ".join(f"{span.start} to {span.stop - 1}" for span in missing[:_LISTED])
        raise IncompleteRunError(
            f"Run is incomplete: {run.uri} lacks {sum(len(span) for span in missing)} of {len(wanted)} trials "
            f"(trials {listed}{', …' if len(missing) > _LISTED else ''}).",
            hint="run `mempipe run` (or plan and train) again; what is committed is kept.",
        )
    report = read_report(run, validation_id(run, refs, wanted, shard_quality(run.record, wanted)))
    if report is None:
        raise RunError(
            f"Run is not validated: {run.uri} has no report on trials {wanted.start} to {wanted.stop - 1} as they are.",
            hint="run `mempipe validate` first.",
        )
    return report
