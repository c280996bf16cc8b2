"""`mempipe aggregate`: counts validated shards into exact integer tallies, kept in the run's store."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from mempipe.errors import ReleaseError, RunError
from mempipe.places import tallies_place
from mempipe.release.stored_tallies import StoredTallies, open_tallies
from mempipe.release.tally_files import EXAMPLES_FILE, write_tallies
from mempipe.runs import Run, Span, open_run, read_plan
from mempipe.scores.tally import Scope, TrialBatch, blocks_of
from mempipe.steps.batches import read_batches, track
from mempipe.steps.progress import Reporter
from mempipe.storage import open_store
from mempipe.validation.report import ValidationReport, valid_report


def aggregate(run_uri: str, trials: Span | None, reporter: Reporter) -> str:
    """Count these trials, those of the plan by default.

    If the store already has complete tallies of the same shards, nothing is counted.

    Returns:
        URI of the tallies.

    Raises:
        IncompleteRunError: trials are missing.
        RunError: the shards changed since they were validated, or were never validated.
    """
    run, report, scope = countable(run_uri, trials)
    prefix = tallies_prefix(report, scope)
    uri = f"{run.uri}/{prefix}"
    if _is_complete(run, prefix):
        reporter.note("these trials are already counted")
        return uri
    with TemporaryDirectory(prefix="mempipe-tallies-") as name:
        folder = Path(name)
        _count(run, report, scope, folder, reporter)
        files = sorted(folder.iterdir(), key=lambda path: (path.name == EXAMPLES_FILE, path.name))
        for path in files:  # the file of the examples last: it completes the tallies
            run.store.create(f"{prefix}/{path.name}", path)
    return uri


def countable(run_uri: str, trials: Span | None) -> tuple[Run, ValidationReport, Scope]:
    """Return the run, the report on these trials (the plan's by default), and which pairs to count.

    Raises:
        IncompleteRunError: trials are missing.
        RunError: the shards changed since they were validated, were never validated, or belong to an experiment.
    """
    run = open_run(open_store(run_uri))
    if run.record.spec.subsets.design == "removal":
        raise RunError(
            f"Run has no scores: {run.uri} subsets.design is 'removal', expected 'uniform' or 'balanced'.",
            hint="it belongs to an experiment: `mempipe experiment finish` reads it.",
        )
    plan = read_plan(run.store)
    return run, valid_report(run, trials or plan.span), Scope(plan.influence)


def tallies_prefix(report: ValidationReport, scope: Scope) -> str:
    """Return the place of the tallies, which names the trials and a hash of the shards' bytes and the scope."""
    parts = [(shard.sha256, shard.counted) for shard in report.shards if shard.counted is not None]
    content = json.dumps([scope, parts])
    return tallies_place(report.wanted, hashlib.sha256(content.encode()).hexdigest())


def _is_complete(run: Run, prefix: str) -> bool:
    """Return whether the store has these tallies; damaged ones are deleted, to be counted again from the shards."""
    if not run.store.exists(f"{prefix}/{EXAMPLES_FILE}"):
        return False
    try:
        with TemporaryDirectory(prefix="mempipe-tallies-") as folder:
            read_tallies(run, prefix, Path(folder))
    except ReleaseError:
        for info in run.store.list(f"{prefix}/"):
            run.store.delete(info.key, generation=info.generation)
        return False
    return True


def read_tallies(run: Run, prefix: str, folder: Path) -> StoredTallies:
    """Open tallies of the run's store; each file is downloaded into `folder` on first use."""

    def locate(name: str) -> Path:
        path = folder / name
        if not path.exists():
            run.store.download(f"{prefix}/{name}", path)
        return path

    return open_tallies(f"{run.uri}/{prefix}", locate=locate)


def _count(run: Run, report: ValidationReport, scope: Scope, folder: Path, reporter: Reporter) -> None:
    # Imported here, because numba takes a second to load and this step often has nothing to do.
    from mempipe.scores.count import count_blocks, count_examples

    record, labels = run.record, run.labels
    sizes = {"n_train": record.data.n_train, "n_test": record.data.n_test}

    def batches() -> Iterator[TrialBatch]:
        return read_batches(run, report)

    blocks = blocks_of(labels.train, labels.test, scope)
    with reporter.stage("counting", total=len(blocks) + 1, unit="blocks") as advance:
        examples = count_examples(batches(), source=record.run_key, **sizes)
        advance(1)
        tallies = count_blocks(batches, blocks, source=record.run_key, **sizes)
        write_tallies(folder, examples, track(tallies, labels.train, advance), labels.train, labels.test, scope)
