"""The validation report: written last, so that where it is, the run's trials are valid."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, ClassVar, Final

from mempipe.errors import MempipeError, ObjectExistsError, ObjectNotFoundError, RunError
from mempipe.places import validation_report_key
from mempipe.runs import Run, ShardRef, Span
from mempipe.spec import Document, Stored
from mempipe.validation.checks import Suite
from mempipe.validation.quarantine import QuarantineRecord
from mempipe.validation.results import SuiteResults

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
        id: digest of the shards, the wanted trials and the suite; None while trials are missing.
        wanted: trials that were asked for.
        missing: chunks to train again; where there are any, no report is written and the lists are of what is there.
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


def validation_id(run: Run, refs: Iterable[ShardRef], wanted: Span, suite: Suite) -> str:
    """Return the name of the validation of exactly these shards (name and generation) with exactly this suite."""
    parts: dict[str, Any] = {
        "validation_version": VALIDATION_VERSION,
        "run_key": run.record.run_key,
        "wanted": wanted,
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
