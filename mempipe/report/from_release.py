"""Report content from a release: everything is read through `mempipe.release.load`."""

from functools import partial
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import yaml
from numpy.typing import NDArray

from mempipe.release.card import design_text, lemma_text, percent
from mempipe.release.load import Release
from mempipe.release.manifest import Manifest
from mempipe.report.content import Limits, ReportContent, ScoreFile, floor_for, lowest_limits
from mempipe.report.experiments import ShownExperiment
from mempipe.tables.parquet import has_values

_SEEN: Final = ("n_in", "n_out", "correct_in", "correct_out")


def content_of(release: Release, experiments: list[ShownExperiment]) -> ReportContent:
    """Return what a report of this release and of its experiments shows.

    Raises:
        ReleaseError: a file is missing or damaged.
    """
    manifest = release.manifest
    thresholds = Limits(manifest.thresholds.mem, manifest.thresholds.infl)
    pairs, floor = _pairs(release, thresholds)
    examples, tests = release.examples, release.test_examples
    return ReportContent(
        title=manifest.name,
        id=manifest.id,
        uri=release.uri,
        facts=_facts(manifest),
        class_names=[str(name) for name in release.classes["name"].to_pylist()],
        n_trials=manifest.n_trials,
        thresholds=thresholds,
        floor=floor,
        train={name: _array(examples, name) for name in ("label", "mem", "mem_se", *_SEEN)},
        test={"label": _array(tests, "label"), "n_correct": _array(tests, "n_correct")},
        pairs={
            name: _array(pairs, name) for name in ("tr_idx", "tt_idx", "infl", "infl_se", "correct_in", "correct_out")
        },
        train_names=_names(examples),
        test_names=_names(tests),
        tables={
            "examples": examples,
            "test_examples": tests,
            "pairs": release.pairs,
            "classes": release.classes,
            "trials": release.trials,
        },
        files=[
            ScoreFile(entry.path, entry.bytes, entry.sha256, partial(release.local_file, entry.path))
            for entry in manifest.files
        ],
        spec=None if manifest.spec is None else yaml.safe_dump(manifest.spec, sort_keys=False, allow_unicode=True),
        data=None if manifest.spec is None else manifest.spec.get("data"),
        fingerprint=manifest.data.fingerprint,
        experiments=experiments,
    )


def _pairs(release: Release, thresholds: Limits) -> tuple[pa.Table, Limits]:
    """Select the pairs at the lowest thresholds that keep the report small."""
    same_label = release.manifest.thresholds.same_label
    lowest = lowest_limits(thresholds)
    table = release.select_pairs(mem=lowest.mem, infl=lowest.infl, same_label=same_label)
    floor = floor_for(table["infl"].to_numpy(), lowest, thresholds)
    return table.filter((pc.field("mem") >= floor.mem) & (pc.field("infl") >= floor.infl)), floor


def _facts(manifest: Manifest) -> list[tuple[str, str]]:
    data, limits = manifest.data, manifest.thresholds
    labels = ", equal labels" if limits.same_label else ", any labels"
    return [
        ("Release", manifest.id),
        ("Data set", f"{data.name}: {data.source}" if data.source else data.name),
        ("Licence of the data", data.license or "unknown"),
        ("Data fingerprint", f"SHA-256 {data.fingerprint}" if data.fingerprint else "unknown (only labels were given)"),
        (
            "Examples",
            f"{manifest.n_train:,} training, {manifest.n_test:,} test, {manifest.n_classes:,} classes; "
            f"{manifest.undefined.examples:,} training examples without a score (every trial saw them, or none)",
        ),
        ("Trials", f"{manifest.n_trials:,} models"),
        ("Subsets", design_text(manifest)),
        (
            "Mean accuracy",
            f"{percent(manifest.accuracies.train_seen)} on seen training examples, "
            f"{percent(manifest.accuracies.train_held_out)} on held-out ones, {percent(manifest.accuracies.test)} on "
            "test examples",
        ),
        ("Thresholds of a high-influence pair", f"mem ≥ {limits.mem:g}, infl ≥ {limits.infl:g}{labels}"),
        (
            "Standard error",
            f"method {manifest.standard_error}: the noise of a finite number of trials, and nothing else. "
            "Pairs just above a threshold are on average a little too large (selection bias)",
        ),
        ("Lemma 2.1", lemma_text(manifest)),
        ("Run key" if manifest.key_kind == "run" else "Hash of the inputs", manifest.key),
        ("Content digest", manifest.content_digest),
        ("Created", f"{manifest.created:%Y-%m-%d %H:%M} UTC"),
        ("Software", ", ".join(f"{name} {version}" for name, version in sorted(manifest.software.items()))),
    ]


def _array(table: pa.Table, column: str) -> NDArray[Any]:
    values: NDArray[Any] = table[column].to_numpy()  # null becomes NaN
    return values


def _names(table: pa.Table) -> list[str] | None:
    return [str(name) for name in table["filename"].to_pylist()] if has_values(table, "filename") else None
