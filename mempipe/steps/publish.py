"""`mempipe publish`: estimates the scores from a run's tallies, checks them, publishes them as an immutable release."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mempipe.catalog.requests import ReleaseRequest, write_request
from mempipe.errors import ObjectNotFoundError, ReleaseError, RunError
from mempipe.places import (
    MANIFEST,
    TALLIES,
    parse_run_uri,
    published_key,
    release_docs_place,
    release_place,
    releases_place,
)
from mempipe.release.content import ReleaseContent
from mempipe.release.manifest import DataSource, Manifest, Thresholds
from mempipe.release.publish import Outcome, Publication, publish_release
from mempipe.release.stored_tallies import StoredTallies
from mempipe.release.subset_design import SubsetDesign
from mempipe.release.tally_files import EXAMPLES_FILE
from mempipe.release.write import write_release
from mempipe.runs import Run, Span, read_plan
from mempipe.scores.estimators import Estimator, load_estimators, require_outcomes
from mempipe.scores.tally import ExampleTally
from mempipe.spec import checked_name
from mempipe.steps.aggregate import countable, read_tallies, tallies_prefix
from mempipe.steps.batches import read_batches
from mempipe.steps.progress import Reporter
from mempipe.storage import Store, open_store
from mempipe.validation.checks import Suite
from mempipe.validation.data_docs import INDEX, check_tables
from mempipe.validation.expectations import ReleaseFacts, release_suites
from mempipe.validation.report import SuiteResults, ValidationReport

if TYPE_CHECKING:
    from pandas import DataFrame

ReleaseCheck = Callable[[Mapping[str, pa.Table]], dict[str, Any]]


def check_with_docs(
    examples: ExampleTally, thresholds: Thresholds, *, store: Store, prefix: str, title: str
) -> ReleaseCheck:
    """Return a check that writes its Data Docs to `store` below `prefix`; it raises `ExpectationError`."""

    def check(tables: Mapping[str, pa.Table]) -> dict[str, Any]:
        suites, frames = _suites(tables, examples, thresholds)
        results = check_tables(suites, frames, store=store, prefix=prefix, title=title)
        return _described(results, f"{prefix}/{INDEX}")

    return check


def check_without_docs(examples: ExampleTally, thresholds: Thresholds, *, name: str) -> ReleaseCheck:
    """Return a check that writes no Data Docs; it raises `ExpectationError`."""

    def check(tables: Mapping[str, pa.Table]) -> dict[str, Any]:
        suites, frames = _suites(tables, examples, thresholds)
        # Imported here, because Great Expectations takes seconds to load.
        from mempipe.validation.great import run_suites

        results = run_suites(suites, frames, run_name=name)
        results.raise_on_failure(docs_uri="(none are kept outside a run)")
        return _described(results, None)

    return check


def _suites(
    tables: Mapping[str, pa.Table], examples: ExampleTally, thresholds: Thresholds
) -> "tuple[Sequence[Suite], dict[str, DataFrame]]":
    facts = ReleaseFacts(
        n_train=examples.n_train,
        n_test=examples.n_test,
        n_trials=examples.n_trials,
        mem_threshold=thresholds.mem,
        infl_threshold=thresholds.infl,
        same_label=thresholds.same_label,
    )
    frames = {name: table.to_pandas() for name, table in tables.items() if name != "trials"}
    return release_suites(frames, facts), frames


def _described(results: SuiteResults, docs_key: str | None) -> dict[str, Any]:
    checks = [outcome for suite in results.suites for outcome in suite.outcomes]
    return {
        "success": results.success,
        "n_checks": len(checks),
        "suites": {suite.name: suite.success for suite in results.suites},
        "warnings": list(results.warnings()),
        "data_docs": docs_key,
    }


Estimators = tuple[Estimator, ...]


def publish(
    run_uri: str,
    trials: Span | None,
    name: str | None,
    reporter: Reporter,
    *,
    request: str | None = None,
    estimators: Sequence[str] = (),
) -> str:
    """Publish the tallies of these trials (the plan's by default) under `name` (the spec's).

    Args:
        run_uri: URI of the run.
        trials: trials to count; None: those of the plan.
        name: name of the release; None: the spec's.
        reporter: receives progress and notes.
        request: the store keeps the release's URI under this name (`requests/NAME.json`).
        estimators: names of estimators to use beside `plain`; empty: those of the plan.

    Returns:
        URI of the release.

    Raises:
        IncompleteRunError: trials are missing.
        RunError: the shards were not validated or not counted since they last changed.
        ExpectationError: a table fails its expectations.
    """
    if name is not None:
        checked_name(name)
    run, report, scope = countable(run_uri, trials)
    prefix = tallies_prefix(report, scope)
    if not run.store.exists(f"{prefix}/{EXAMPLES_FILE}"):
        raise RunError(
            f"Run is not counted: {run.uri} trials {report.wanted.start} to {report.wanted.stop - 1} have no tallies "
            "that match their committed shards, expected them.",
            hint="run `mempipe aggregate` first.",
        )
    name = name or run.record.spec.name
    root = root_store(run)
    loaded = load_estimators(estimators or read_plan(run.store).estimators)
    require_outcomes(loaded, run.record.spec.kept_outcomes, source=run.uri)
    release_uri = _find_release(run, root, prefix, name, loaded)
    if release_uri is not None:
        reporter.note("this release is already published")
        if request is not None:
            write_request(root, request, ReleaseRequest(release=release_uri))
        return release_uri
    with TemporaryDirectory(prefix="mempipe-release-") as folder:
        tallies = read_tallies(run, prefix, Path(folder) / TALLIES)
        try:
            publication = _publish(run, root, report, tallies, name, Path(folder) / "release", prefix, loaded)
        except ReleaseError as error:
            if prefix not in error.message:
                raise
            raise ReleaseError(
                error.message,
                hint=f"delete {run.uri}/{prefix} and run `mempipe aggregate` again, which counts the shards again.",
            ) from error
    _remember(run, prefix, name, publication)
    manifest = publication.manifest
    state = "published" if publication.outcome is Outcome.PUBLISHED else "was already published"
    reporter.note(f"{manifest.id}: {state}; {'latest' if publication.is_latest else 'a later one stays latest'}")
    if request is not None:
        write_request(root, request, ReleaseRequest(release=publication.uri))
    return publication.uri


def root_store(run: Run) -> Store:
    """Return the store of the run."""
    return open_store(parse_run_uri(run.uri).store)


def _publish(
    run: Run,
    root: Store,
    report: ValidationReport,
    tallies: StoredTallies,
    name: str,
    staging: Path,
    prefix: str,
    estimators: Estimators,
) -> Publication:
    record, labels = run.record, run.labels
    spec, data = record.spec, record.data
    thresholds = Thresholds()
    content = ReleaseContent(
        name=name,
        key=record.run_key,
        key_kind="run",
        examples=tallies.examples,
        blocks=tallies.blocks,
        scope=tallies.scope,
        train_labels=labels.train,
        test_labels=labels.test,
        class_names=data.class_names,
        trials=_quality(run, report),
        subsets=SubsetDesign(
            design=spec.subsets.design,
            ratio=str(spec.subsets.ratio),
            seed=spec.seed,
            subset_size=record.subset_size,
        ),
        data=DataSource(
            name=data.name,
            fingerprint=data.fingerprint,
            image_shape=data.image_shape,
            source=data.source,
            license=data.license,
        ),
        train_filenames=_names(labels.train_filenames),
        test_filenames=_names(labels.test_filenames),
        thresholds=thresholds,
        spec=(record.later_spec or spec.model_dump(mode="json")) | {"influence": str(tallies.scope)},
        run=parse_run_uri(run.uri).id,
        estimators=estimators,
        batches=lambda: read_batches(run, report),
    )
    check = check_with_docs(
        tallies.examples,
        thresholds,
        store=run.store,
        prefix=release_docs_place(prefix, ".".join([name, *(item.NAME for item in estimators[1:])])),
        title=f"Release {name} of {run.uri}",
    )
    manifest = write_release(content, staging, check=check)
    return publish_release(root, releases_place(name), staging, manifest)


def _quality(run: Run, report: ValidationReport) -> pa.Table:
    if report.quality_key is None:
        raise RunError(f"Run is not validated: {run.uri} has no quality table.", hint="run `mempipe validate` first.")
    return pq.read_table(io.BytesIO(run.store.read(report.quality_key)))


def _names(names: NDArray[np.str_] | None) -> list[str] | None:
    return None if names is None else names.tolist()


def _find_release(run: Run, root: Store, prefix: str, name: str, estimators: Estimators) -> str | None:
    """Return the URI of the release that was last published from these tallies under this name.

    The store records it after `latest.json` has been updated, so publishing is complete. None if nothing is recorded,
    the record is damaged, or the estimators differ.

    Raises:
        ReleaseError: a file of the release is missing or was changed.
    """
    try:
        note = json.loads(run.store.read(published_key(prefix, name)))
        place = root.child(release_place(name, str(note["release"])))
        manifest = Manifest.from_json(place.read(MANIFEST), source=f"{place.uri}/{MANIFEST}")
    except (ObjectNotFoundError, ValueError, KeyError, TypeError):
        return None  # publishing again finds a release that exists
    if manifest.estimators != tuple(estimator.NAME for estimator in estimators):
        return None
    sizes = {info.key: info.size for info in place.list()}
    for file in manifest.files:
        if sizes.get(file.path) != file.bytes:
            size = f"{sizes[file.path]} bytes" if file.path in sizes else "missing"
            raise ReleaseError(
                f"Release is damaged: {place.uri}/{file.path} is {size}, expected {file.bytes} bytes.",
                hint=f"delete this file and the release's {MANIFEST}, then publish again; the content stays the same.",
            )
    return place.uri


def _remember(run: Run, prefix: str, name: str, publication: Publication) -> None:
    key, content = published_key(prefix, name), (json.dumps({"release": publication.manifest.id}) + "\n").encode()
    try:
        old_content, generation = run.store.read_versioned(key)
    except ObjectNotFoundError:
        run.store.create(key, content)
        return
    if old_content != content:  # damaged, or of a deleted release, or of other estimators
        run.store.replace(key, content, generation=generation)
