"""Validates a run: every shard by our invariants, then the quality table by Great Expectations, then the report."""

import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from mempipe.errors import ObjectNotFoundError, ShardError, TrialError
from mempipe.places import docs_place, quality_key
from mempipe.runs import Run, ShardRef, Span
from mempipe.storage import ObjectInfo
from mempipe.validation.checks import Suite
from mempipe.validation.data_docs import INDEX, Section, check_tables
from mempipe.validation.expectations import shard_quality
from mempipe.validation.invariants import check_shard
from mempipe.validation.quality import concat, mark_odd, quality_rows, read_sidecar
from mempipe.validation.quarantine import quarantine, quarantined, settle
from mempipe.validation.report import (
    CheckedShard,
    OddTrial,
    ValidationReport,
    overlapping,
    read_report,
    trial_rows,
    validation_id,
    write_report,
)

Progress = Callable[[float], None]
"""Called with the number of shards that were checked since the last call."""


@dataclass(frozen=True, eq=False)
class _Checked:
    """A shard that passed, and its rows of the quality table."""

    sha256: str
    rows: pa.Table


def n_to_check(run: Run, trials: Span) -> int:
    """Return how many shards `validate_run` will look at, for a progress bar."""
    return len(overlapping(run.shards(), trials))


def validate_run(run: Run, trials: Span, *, progress: Progress = lambda _: None) -> ValidationReport:
    """Check the shards that hold these trials, move bad ones aside, and report.

    An unchanged run that is valid already is not checked again, and Great Expectations is not loaded for it.

    Args:
        run: the run.
        trials: the trials to validate.
        progress: called after each shard, with 1; with the number of all shards if the report exists already.

    Returns:
        The report. Where it names `missing` trials, these must be planned and trained again; nothing else was decided.

    Raises:
        TrialError: a shard came back with the same bad bytes after it was moved aside (all others were checked first).
        LaterVersionError: run or shards are of a later version of mempipe; nothing is moved aside.
        ExpectationError: the quality table contradicts what must hold; the Data Docs are in the store.
    """
    listed = run.shards()
    settle(run, listed)
    refs = overlapping(listed, trials)
    suite = shard_quality(run.record, trials)
    if not run.missing(trials, committed=refs):
        earlier = read_report(run, validation_id(run, refs, trials, suite))
        if earlier is not None:
            progress(len(refs))
            return earlier
    run.record.require_known_spec(run.uri)
    checked = _check_all(run, refs, progress)
    parts = trial_rows(checked, trials)
    report = ValidationReport(
        run_uri=run.uri,
        id=None,
        wanted=trials,
        missing=tuple(run.missing(trials, committed=checked)),
        shards=_shards(checked, dict(parts)),
        quarantined=tuple(quarantined(run, trials)),
    )
    if report.missing:
        return report
    rows = [checked[ref].rows.slice(span.start - ref.span.start, len(span)) for ref, span in parts]
    table = mark_odd(concat(rows), test_labels=run.labels.test, n_train=run.record.data.n_train)
    return _judge(run, report, table, suite, validation_id(run, checked, trials, suite))


def _judge(run: Run, report: ValidationReport, table: pa.Table, suite: Suite, identity: str) -> ValidationReport:
    """Check the complete quality table, and commit table and report."""
    odd = tuple(
        OddTrial(trial=row["trial"], reason=row["odd_reason"], shard=row["shard"])
        for row in table.filter(table["odd"]).to_pylist()
    )
    results = check_tables(
        [suite],
        {suite.table: table.to_pandas()},
        store=run.store,
        prefix=docs_place(identity),
        title=f"Trials {report.wanted.start} to {report.wanted.stop - 1} of {run.uri}",
        sections=_sections(report, odd),
    )
    content = _parquet(table)
    # Its key carries a hash, because sidecars may be repaired between two tries.
    key = quality_key(identity, hashlib.sha256(content).hexdigest())
    run.store.create(key, content)
    complete = {
        "id": identity,
        "odd": odd,
        "suites": results,
        "quality_key": key,
        "docs_key": f"{docs_place(identity)}/{INDEX}",
    }
    return write_report(run, report.model_copy(update=complete))


def _check_all(run: Run, refs: list[ShardRef], progress: Progress) -> dict[ShardRef, _Checked]:
    """Return the shards that pass, and move the others aside."""
    checked: dict[ShardRef, _Checked] = {}
    hopeless: list[TrialError] = []
    for listed in refs:
        try:
            content, generation = run.store.read_versioned(listed.key)
        except ObjectNotFoundError:  # another process moved it aside since it was listed
            progress(1)
            continue
        ref = ShardRef(listed.span, ObjectInfo(listed.key, len(content), generation))
        try:
            checked[ref] = _check(run, ref, content)
        except ShardError as error:
            try:
                quarantine(run, ref, content, error)
            except TrialError as repeated:
                hopeless.append(repeated)
        progress(1)
    if len(hopeless) > 1:
        raise TrialError(" ".join(error.message for error in hopeless), hint=hopeless[0].hint)
    if hopeless:
        raise hopeless[0]
    return checked


def _check(run: Run, ref: ShardRef, content: bytes) -> _Checked:
    shard = check_shard(content, ref, run)
    digest = hashlib.sha256(content).hexdigest()
    circumstances = read_sidecar(run, ref.span, digest)
    return _Checked(digest, quality_rows(shard, key=ref.key, circumstances=circumstances))


def _shards(checked: Mapping[ShardRef, _Checked], spans: Mapping[ShardRef, Span]) -> tuple[CheckedShard, ...]:
    return tuple(
        CheckedShard(
            key=ref.key,
            trials=ref.span,
            counted=spans.get(ref),
            generation=ref.generation,
            sha256=checked[ref].sha256,
        )
        for ref in sorted(checked)
    )


def _sections(report: ValidationReport, odd: tuple[OddTrial, ...]) -> tuple[Section, ...]:
    return (
        Section(
            "Odd trials",
            ("Trial", "Reason", "Shard"),
            [(str(item.trial), item.reason, item.shard) for item in odd],
            "No trial is odd. (Odd trials are valid and count; leaving them out would change what is estimated.)",
        ),
        Section(
            "Shards moved aside",
            ("Shard", "Reason", "Kept as", "Found"),
            [(item.key, item.reason, item.bytes_key, item.found) for item in report.quarantined],
            "No shard was ever moved aside.",
        ),
    )


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
