"""The validation report: which shards count, for which trials, and what the suites found.

It is written last, so its existence means that the run's trials are valid.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, ClassVar, Final

from mempipe.errors import (
    ExpectationError,
    IncompleteRunError,
    MempipeError,
    ObjectExistsError,
    ObjectNotFoundError,
    RunError,
)
from mempipe.places import validation_report_key
from mempipe.runs import Run, ShardRef, Span
from mempipe.spec import Document, Stored
from mempipe.validation.checks import Severity, Suite
from mempipe.validation.expectations import shard_quality
from mempipe.validation.quarantine import QuarantineRecord


def overlapping(refs: Iterable[ShardRef], trials: Span) -> list[ShardRef]:
    """Return the shards that hold any of these trials, by trial."""
    return [ref for ref in sorted(refs) if ref.span.start < trials.stop and trials.start < ref.span.stop]


def trial_rows(refs: Iterable[ShardRef], trials: Span) -> list[tuple[ShardRef, Span]]:
    """Return the shard from which each trial is taken: every trial once, from the first shard that holds it.

    First in the order of `sorted(refs)`: by first trial, then by last. The spans are disjoint and ascend; trials that
    no shard holds are absent; shards from which no trial is taken are left out.

    Args:
        refs: committed shards, in any order.
        trials: the trials that count.

    Returns:
        (shard, trials taken from it); rows `start - ref.span.start` to `stop - ref.span.start` of the shard's arrays.
    """
    rows = []
    position = trials.start
    for ref in overlapping(refs, trials):
        start, stop = max(position, ref.span.start), min(ref.span.stop, trials.stop)
        if start < stop:
            rows.append((ref, Span(start, stop)))
            position = stop
    return rows


class Outcome(Stored):
    """The result of one check.

    Attributes:
        id, kind, note, severity: of the check.
        success: it holds.
        observed: value of the whole column or table, where the check has one.
        n_rows: rows that it looked at, where it looks at rows.
        n_unexpected: rows that break it.
        sample: some of their values.
        error: why it could not be evaluated; it then fails.
    """

    id: str
    kind: str
    note: str
    severity: Severity
    success: bool
    observed: Any = None
    n_rows: int | None = None
    n_unexpected: int | None = None
    sample: tuple[Any, ...] = ()
    error: str | None = None

    def observation(self) -> str:
        """Return the observation in words."""
        if self.error is not None:
            return f"not evaluated ({self.error})"
        if self.n_unexpected == 0:
            return f"all of {self.n_rows} rows"
        if self.n_unexpected is not None:
            examples = ", ".join(dict.fromkeys(str(value) for value in self.sample[:3]))
            return f"broken by {self.n_unexpected} of {self.n_rows} rows{f', such as {examples}' if examples else ''}"
        return ", ".join(self.observed) if isinstance(self.observed, list) else str(self.observed)


class SuiteResult(Stored):
    """The result of one suite.

    Attributes:
        name, table, note: of the suite.
        success: every critical check holds.
        outcomes: of its checks, in the suite's order.
    """

    name: str
    table: str
    note: str
    success: bool
    outcomes: tuple[Outcome, ...]

    def failed(self, *severities: Severity) -> tuple[Outcome, ...]:
        """Return the failed checks of these severities."""
        return tuple(item for item in self.outcomes if not item.success and item.severity in severities)


class SuiteResults(Stored):
    """The results of all suites of one call."""

    suites: tuple[SuiteResult, ...]

    @property
    def success(self) -> bool:
        """Every critical check of every suite holds."""
        return all(suite.success for suite in self.suites)

    def warnings(self) -> tuple[str, ...]:
        """Return the failed checks that do not stop a publication, in words."""
        return tuple(
            f"{suite.name}: {item.id} {item.observation()}, expected {item.note}"
            for suite in self.suites
            for item in suite.failed("warning", "info")
        )

    def raise_on_failure(self, *, docs_uri: str) -> None:
        """Raise `ExpectationError` where a critical check failed.

        Args:
            docs_uri: the Data Docs' first page, for the message.
        """
        failed = [(suite, item) for suite in self.suites for item in suite.failed("critical")]
        if not failed:
            return
        suite, item = failed[0]
        others = [f"{other_suite.name} {other.id}" for other_suite, other in failed[1:]]
        more = f" {len(others)} more failed: {', '.join(others[:10])}." if others else ""
        raise ExpectationError(
            f"Table must not be used: {suite.table} expectation {suite.name} {item.id} is {item.observation()}, "
            f"expected {item.note}.{more}",
            hint=f"open the Data Docs at {docs_uri}; look for a defect in what made the table.",
        )


_LISTED: Final = 10

VALIDATION_VERSION: Final = 1
"""Raised when our invariants or the quality table change, so that runs are validated again."""


class CheckedShard(Stored):
    """A shard that passed.

    Attributes:
        key: its name.
        trials: those of its name.
        counted: those that are taken from it (overlapping shards hold a trial twice), None when none.
        generation, sha256: of the bytes that were checked.
    """

    key: str
    trials: Span
    counted: Span | None
    generation: str
    sha256: str


class OddTrial(Stored):
    """A valid trial that is unlike the others; it counts.

    Attributes:
        trial: its number.
        reason: what is odd about it.
        shard: that holds it.
    """

    trial: int
    reason: str
    shard: str


class ValidationReport(Document):
    """What `mempipe validate` found.

    Attributes:
        run_uri: of the run.
        id: digest of the shards, the requested trials and the suite; None while trials are missing.
        wanted: the requested trials.
        missing: chunks to train again; where there are any, no report is written and the lists cover the
            trials that exist.
        shards: that passed, by trial.
        quarantined: every shard of these trials that was ever moved aside.
        odd: valid trials to look at.
        suites: results of the expectation suites; None while trials are missing.
        quality_key: Parquet of the quality table, one row a trial.
        docs_key: first page of the Data Docs.
    """

    FAILURE: ClassVar[str] = "Validation report cannot be used"
    ERROR: ClassVar[type[MempipeError]] = RunError
    HINT: ClassVar[str] = "delete it and run `mempipe validate` again."
    INDENT: ClassVar[int] = 1

    run_uri: str
    id: str | None
    wanted: Span
    missing: tuple[Span, ...] = ()
    shards: tuple[CheckedShard, ...] = ()
    quarantined: tuple[QuarantineRecord, ...] = ()
    odd: tuple[OddTrial, ...] = ()
    suites: SuiteResults | None = None
    quality_key: str | None = None
    docs_key: str | None = None

    @property
    def uri(self) -> str:
        """The report's URI; the run's while trials are missing."""
        return self.run_uri if self.id is None else f"{self.run_uri}/{validation_report_key(self.id)}"


def validation_id(run: Run, refs: Iterable[ShardRef], trials: Span, suite: Suite) -> str:
    """Return the name of the validation of exactly these shards (name and generation) with exactly this suite."""
    parts: dict[str, Any] = {
        "validation_version": VALIDATION_VERSION,
        "run_key": run.record.run_key,
        "wanted": trials,
        "shards": [(ref.key, ref.generation) for ref in sorted(refs)],
        "suite": suite.to_dict(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


def read_report(run: Run, identity: str) -> ValidationReport | None:
    """Return the report of a validation that was completed, else None.

    Raises:
        RunError: it is damaged.
        LaterVersionError: a later version of mempipe wrote it.
    """
    key = validation_report_key(identity)
    try:
        report = ValidationReport.from_json(run.store.read(key), source=f"{run.uri}/{key}")
    except ObjectNotFoundError:
        return None
    return report.model_copy(update={"run_uri": run.uri})  # a store may have been moved


def write_report(run: Run, report: ValidationReport) -> ValidationReport:
    """Commit a report; where another process was first, return its report."""
    if report.id is None:
        raise ValueError("a report of missing trials is not written")
    try:
        run.store.create(validation_report_key(report.id), report.to_json())
    except ObjectExistsError:
        return read_report(run, report.id) or report
    return report


def valid_report(run: Run, trials: Span) -> ValidationReport:
    """Return the report on exactly the shards that are committed now.

    Raises:
        IncompleteRunError: trials are missing.
        RunError: the shards have not been validated since they last changed.
    """
    refs = overlapping(run.shards(), trials)
    missing = run.missing(trials, committed=refs)
    if missing:
        listed = ", ".join(f"{span.start} to {span.stop - 1}" for span in missing[:_LISTED])
        raise IncompleteRunError(
            f"Run is incomplete: {run.uri} lacks {sum(len(span) for span in missing)} of {len(trials)} trials "
            f"(trials {listed}{', …' if len(missing) > _LISTED else ''}).",
            hint="run `mempipe run` or `mempipe experiment` (or `mempipe train`) again; what is committed is kept.",
        )
    report = read_report(run, validation_id(run, refs, trials, shard_quality(run.record, trials)))
    if report is None:
        raise RunError(
            f"Run is not validated: {run.uri} has no report on trials {trials.start} to {trials.stop - 1} as they are.",
            hint="run `mempipe validate` first.",
        )
    return report
