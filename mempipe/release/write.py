"""Writes every file of a release into a local folder, in one pass over the pairs' counts and with bounded memory."""

import math
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.places import MANIFEST, TALLIES
from mempipe.release import formats
from mempipe.release.card import render_card
from mempipe.release.content import ReleaseContent, content_digest, software_versions, table_digest
from mempipe.release.formats import render_croissant
from mempipe.release.manifest import (
    Accuracies,
    FileEntry,
    LemmaBound,
    Manifest,
    PairCounts,
    Undefined,
    describe_file,
    release_id,
    utc_now,
)
from mempipe.release.stored_tallies import StoredTallies, open_tallies
from mempipe.release.subset_design import SubsetDesign
from mempipe.release.tables import example_estimates, pairs_table, release_tables
from mempipe.release.tally_files import EXAMPLES_FILE, TallyWriter, file_groups, tally_digests
from mempipe.scores.estimate import METHOD, lemma_2_1_bound, memorization
from mempipe.scores.estimators import PLAIN, Estimator, Observations, checked
from mempipe.scores.pairs import PairTable, pair_statistics, select_pairs
from mempipe.scores.tally import ExampleTally, Scope
from mempipe.tables.parquet import table_file, write_table
from mempipe.tables.schema import MINOR_VERSION

CARD_FILE: Final = "README.md"
CROISSANT_FILE: Final = "croissant.json"

Check = Callable[[Mapping[str, pa.Table]], dict[str, Any]]
"""Called with the tables before the manifest is written; its result becomes `manifest.validation`."""


def write_release(content: ReleaseContent, staging: Path, *, check: Check | None = None) -> Manifest:
    """Write every file of a release into `staging`, the manifest last.

    Equal content gives equal bytes of every file of scores and tallies with the same versions of numpy and pyarrow,
    and an equal content digest with any.

    Args:
        content: counts and provenance.
        staging: a folder on this machine; it is made, and files of the same names are replaced.
        check: called with the tables; raises an error if they must not be published.

    Returns:
        The manifest, as written.

    Raises:
        InputError: the table of trials does not fit.
        TallyError: the blocks are not those of the labels and the scope.
    """
    staging.mkdir(parents=True, exist_ok=True)
    (staging / MANIFEST).unlink(missing_ok=True)
    pairs, digests, files = _write_scores(content, staging)
    tables = release_tables(content, pairs)
    for estimator in content.estimators:
        if estimator.NAME != PLAIN:
            tables |= _estimates(estimator, content, open_tallies(staging / TALLIES))
    for name, table in tables.items():
        digests[name] = table_digest(name, table)
        write_table(table, staging / table_file(name))
        files[table_file(name)] = "scores"
    validation = check(tables) if check else None
    manifest = _manifest(
        content,
        pairs,
        digests,
        files=tuple(describe_file(staging / name, name, kind) for name, kind in files.items()),
        validation=validation,
    )
    manifest = write_documents(manifest, tables, staging)
    (staging / MANIFEST).write_bytes(manifest.to_json())
    return manifest


def write_documents(manifest: Manifest, tables: Mapping[str, pa.Table], staging: Path) -> Manifest:
    """Write the card, and the Croissant metadata where mlcroissant is installed; return the manifest with them."""
    listed = manifest.model_copy(update={"files": tuple(file for file in manifest.files if file.kind != "document")})
    (staging / CARD_FILE).write_text(render_card(listed, tables), encoding="utf-8")
    names = [CARD_FILE]
    if find_spec("mlcroissant") is not None:
        (staging / CROISSANT_FILE).write_bytes(render_croissant(listed, tables))
        names.append(CROISSANT_FILE)
    documents = tuple(describe_file(staging / name, name, "document") for name in names)
    return listed.model_copy(update={"files": listed.files + documents})


def _write_scores(
    content: ReleaseContent, staging: Path
) -> tuple[PairTable, dict[str, str], dict[str, Literal["scores", "tallies"]]]:
    """Write tallies, matrices and pairs in one pass; return the pairs, the tallies' digests and the files."""
    examples, labels = content.examples, (content.train_labels, content.test_labels)
    limits = content.thresholds
    matrix = formats.matrix_file(content.name)
    writer = TallyWriter(staging / TALLIES, examples, *labels, content.scope)
    blocks = writer.write(content.blocks())
    blocks = formats.write_matrix(staging / matrix, blocks, examples, *labels, n_classes=len(content.class_names))
    pairs = select_pairs(blocks, examples, *labels, mem=limits.mem, infl=limits.infl, same_label=limits.same_label)
    files: dict[str, Literal["scores", "tallies"]] = {matrix: "scores"}
    selected = formats.pairs_file(content.name, infl=limits.infl, mem=limits.mem)
    formats.write_pairs(staging / selected, pairs)
    files[selected] = "scores"
    if content.train_filenames is not None and content.test_filenames is not None:
        index = formats.index_file(content.name)
        formats.write_index(staging / index, examples, *labels, content.train_filenames, content.test_filenames)
        files[index] = "scores"
    files[f"{TALLIES}/{EXAMPLES_FILE}"] = "tallies"
    for file, _ in file_groups(*labels, content.scope):
        files[f"{TALLIES}/{file}"] = "tallies"
    return pairs, tally_digests(examples, *labels, writer.digest), files


def _estimates(estimator: Estimator, content: ReleaseContent, tallies: StoredTallies) -> dict[str, pa.Table]:
    """Make the tables of an estimator beside `plain`; it reads the pairs' counts from the tallies just written."""
    examples, labels = content.examples, (content.train_labels, content.test_labels)
    design = content.subsets.design
    estimates = estimator.estimate(Observations(examples, tallies.blocks, content.batches, *labels, design))
    memorization = checked(estimates.memorization(), (examples.n_train,), of=f"memorization by {estimator.NAME}")
    limits = content.thresholds.model_dump()
    pairs = select_pairs(tallies.blocks(), examples, *labels, estimates=estimates, **limits)
    return {
        f"examples-{estimator.NAME}": example_estimates(estimator.NAME, memorization, content.train_labels),
        f"pairs-{estimator.NAME}": pairs_table(pairs, *labels, estimator=estimator.NAME),
    }


def _manifest(
    content: ReleaseContent,
    pairs: PairTable,
    digests: dict[str, str],
    *,
    files: tuple[FileEntry, ...],
    validation: dict[str, Any] | None,
) -> Manifest:
    examples = content.examples
    digest = content_digest(digests)
    statistics = pair_statistics(pairs.tr_idx, pairs.tt_idx, examples.n_test)
    return Manifest(
        minor_version=MINOR_VERSION,
        id=release_id(content.name, content.key, examples.n_trials, digest),
        name=content.name,
        content_digest=digest,
        digests=digests,
        key=content.key,
        key_kind=content.key_kind,
        n_trials=examples.n_trials,
        n_train=examples.n_train,
        n_test=examples.n_test,
        n_classes=len(content.class_names),
        subsets=content.subsets,
        influence="full" if content.scope is Scope.FULL else "class",
        thresholds=content.thresholds,
        estimators=tuple(estimator.NAME for estimator in content.estimators),
        standard_error=METHOD,
        lemma_2_1=lemma_bound(content.subsets, examples.n_trials),
        undefined=_undefined(content),
        pairs=PairCounts(
            n_pairs=statistics.n_pairs,
            n_train=statistics.n_train,
            n_test=statistics.n_test,
            test_share=None if math.isnan(statistics.test_share) else statistics.test_share,
            n_test_single=statistics.n_test_single,
        ),
        accuracies=_accuracies(examples),
        data=content.data,
        spec=None if content.spec is None else dict(content.spec),
        run=content.run,
        merged=tuple(content.merged),
        files=files,
        validation=validation,
        created=content.created or utc_now(),
        software=software_versions(content.software),
    )


def lemma_bound(subsets: SubsetDesign, n_trials: int) -> LemmaBound:
    """Return the bound of Lemma 2.1, or why it does not apply."""
    if subsets.design != "uniform" or subsets.ratio is None:
        reason = {
            "balanced": "the trials of a balanced design are not independent",
            "unknown": "how the subsets were drawn is not known",
        }.get(subsets.design, "the subset ratio is not known")
        return LemmaBound(mean_squared_error=None, root_mean_squared_error=None, note=f"not applicable: {reason}")
    bound = lemma_2_1_bound(n_trials, float(subsets.ratio))
    return LemmaBound(
        mean_squared_error=bound,
        root_mean_squared_error=math.sqrt(bound),
        note="bound on the mean squared error of any one estimate, for independent uniform subsets; "
        "a worst case, not an estimate of the error: the standard errors of the scores are that",
    )


def _undefined(content: ReleaseContent) -> Undefined:
    """Count the scores that do not exist: those of examples that were in every subset or in none."""
    nowhere = np.isnan(memorization(content.examples))
    labels: NDArray[np.int64] = content.train_labels[nowhere]
    if content.scope is Scope.FULL:
        n_pairs = labels.size * content.examples.n_test
    else:
        n_pairs = int(np.bincount(content.test_labels, minlength=len(content.class_names))[labels].sum())
    return Undefined(examples=labels.size, pairs=n_pairs)


def _accuracies(examples: ExampleTally) -> Accuracies:
    def share(correct: NDArray[np.int64], total: int) -> float | None:
        return int(correct.sum()) / total if total else None

    return Accuracies(
        train_seen=share(examples.correct_in, int(examples.n_in.sum())),
        train_held_out=share(examples.correct_out, int(examples.n_out.sum())),
        test=share(examples.test_correct, examples.n_trials * examples.n_test),
    )
