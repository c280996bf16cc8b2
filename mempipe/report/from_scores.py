"""Content of a report from the scores of a release or of the authors' files; unknown values are left out."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray

from mempipe.release.authors_folder import NO_COUNTS
from mempipe.release.card import design_text, lemma_text, percent
from mempipe.release.manifest import Manifest
from mempipe.release.scores import Scores
from mempipe.report.content import Limits, ReportContent, floor_for, lowest_limits
from mempipe.report.experiments import ReportedExperiment
from mempipe.tables.parquet import has_values, table_schema

_TRAIN: Final = ("label", "mem", "mem_se", "n_in", "n_out", "correct_in", "correct_out")
_TEST: Final = ("label", "n_correct")
_PAIRS: Final = ("tr_idx", "tt_idx", "infl", "infl_se", "correct_in", "correct_out")
_TABLES: Final = ("examples", "test_examples", "pairs", "classes", "trials")


def content_of(scores: Scores, experiments: list[ReportedExperiment]) -> ReportContent:
    """Return the content of a report of these scores and their experiments.

    Raises:
        ReleaseQuestionError: the authors' files are only a pairs file.
        InputError: the authors' files are of different data sets.
        ReleaseError: a file is missing or damaged.
    """
    manifest, limits = scores.manifest, scores.thresholds
    thresholds = Limits(limits.mem, limits.infl)
    examples, tests = scores.examples, scores.test_examples
    floor = _floor(scores, thresholds)
    absent = {"pairs": not scores.has_pairs, "trials": scores.n_trials is None}
    return ReportContent(
        title=scores.name,
        id=scores.id,
        uri=scores.uri,
        facts=_facts_of_files(scores) if manifest is None else _facts(manifest),
        class_names=scores.class_names,
        n_trials=scores.n_trials,
        thresholds=thresholds,
        floor=floor,
        train=_arrays(scores, examples, _TRAIN),
        test=_arrays(scores, tests, _TEST),
        pairs=_pairs(scores, floor),
        train_names=_names(examples),
        test_names=_names(tests),
        tables={name: scores.known(getattr(scores, name)) for name in _TABLES if not absent.get(name)},
        has_pairs=scores.has_pairs,
        files=scores.files,
        spec=None if scores.spec is None else yaml.safe_dump(scores.spec, sort_keys=False, allow_unicode=True),
        data=None if scores.spec is None else scores.spec.get("data"),
        fingerprint=scores.data.fingerprint,
        experiments=experiments,
    )


def _facts(manifest: Manifest) -> list[tuple[str, str]]:
    data, limits = manifest.data, manifest.thresholds
    labels = ", equal labels" if limits.same_label else ", any labels"
    return [
        ("Release", manifest.id),
        ("Data set", f"{data.name}: {data.source}" if data.source else data.name),
        ("License of the data", data.license or "unknown"),
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
            f"method {manifest.standard_error}: it covers only the noise of a finite number of trials. "
            "Pairs just above a threshold are on average a little too large (selection bias)",
        ),
        ("Lemma 2.1", lemma_text(manifest)),
        ("Run key" if manifest.key_kind == "run" else "Hash of the inputs", manifest.key),
        ("Content digest", manifest.content_digest),
        ("Created", f"{manifest.created:%Y-%m-%d %H:%M} UTC"),
        ("Software", ", ".join(f"{name} {version}" for name, version in sorted(manifest.software.items()))),
    ]


def _facts_of_files(scores: Scores) -> list[tuple[str, str]]:
    limits = scores.thresholds
    return [
        ("Scores", scores.id),
        (
            "Made from",
            "npz files in the format of the paper's authors, without a manifest: "
            + ", ".join(file.path for file in scores.files),
        ),
        ("Examples", f"{scores.n_train:,} training, {scores.n_test:,} test, {scores.n_classes:,} classes"),
        ("Trials", f"unknown: {NO_COUNTS}"),
        ("Data fingerprint", "unknown"),
        (
            "Thresholds of a high-influence pair",
            f"mem ≥ {limits.mem:g}, infl ≥ {limits.infl:g}, equal labels"
            + ("" if scores.has_pairs else "; pairs are unknown: an index file has none"),
        ),
    ]


def _floor(scores: Scores, thresholds: Limits) -> Limits:
    """Return the lowest thresholds that keep the report small; its pairs are complete down to these."""
    lowest = lowest_limits(thresholds)
    if not scores.has_pairs:
        return lowest
    if not scores.has_influence:
        return thresholds
    candidates = [np.empty(0)]
    for matrix in scores.influences():
        memorized = scores.mem[matrix.tr_idx] >= lowest.mem
        infl = matrix.infl[memorized]
        chosen = infl >= lowest.infl
        if scores.thresholds.same_label:
            chosen &= scores.labels[matrix.tr_idx[memorized], None] == scores.test_labels[matrix.tt_idx]
        candidates.append(infl[chosen])
    return floor_for(np.concatenate(candidates), lowest, thresholds)


def _pairs(scores: Scores, floor: Limits) -> dict[str, NDArray[Any]]:
    if not scores.has_pairs:
        return _arrays(scores, table_schema("pairs").empty_table(), _PAIRS)
    same_label = scores.thresholds.same_label
    return _arrays(scores, scores.select_pairs(mem=floor.mem, infl=floor.infl, same_label=same_label), _PAIRS)


def _arrays(scores: Scores, table: pa.Table, columns: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Return the known columns; null becomes NaN."""
    return {name: table[name].to_numpy() for name in columns if name not in scores.unknown}


def _names(table: pa.Table) -> list[str] | None:
    return [str(name) for name in table["filename"].to_pylist()] if has_values(table, "filename") else None
