"""What `mempipe show` prints of a release or of the authors' files."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mempipe.release.authors_folder import NO_COUNTS
from mempipe.release.card import design_text, lemma_text, percent
from mempipe.release.manifest import Manifest, PairCounts, Thresholds
from mempipe.release.scores import Scores
from mempipe.release.tables import descending
from mempipe.scores.pairs import PairStatistics, pair_statistics

_CLASSES = 20


def summarize(scores: Scores, *, top: int = 10) -> RenderableType:
    """Return what a release, or the authors' files, hold: header, most memorized examples, pairs and classes.

    Args:
        scores: as opened.
        top: how many of the most memorized examples.

    Raises:
        ReleaseQuestionError: there is a pairs file only.
        InputError: the files are of different data sets.
        ReleaseError: a file is missing or damaged.
    """
    manifest, limits = scores.manifest, scores.thresholds
    of_counts = "." if scores.n_trials is None else ", ± standard error. C-score: how often when it was held out."
    examples = scores.known(scores.examples)
    return Group(
        Text(_title(scores), style="bold"),
        _grid(_facts_of_files(scores) if manifest is None else _facts(manifest, scores.uri)),
        Text(),
        _most_memorized(examples, scores.class_names, top),
        Text(
            "mem: how much more often the label is predicted when the example was trained on than when it was held "
            f"out{of_counts}",
            style="dim",
        ),
        Text(),
        _pairs(_pair_counts(scores), limits)
        if scores.has_pairs
        else Text("Pairs are unknown: an index file has none."),
        Text(),
        _classes(scores.known(scores.classes), limits.mem),
    )


def score_text(row: dict[str, Any], name: str) -> str:
    """Return a score of a row of a release's table with its standard error, or alone where the row has none."""
    error = row.get(f"{name}_se")
    return f"{row[name]:.3f}" if error is None else f"{row[name]:.3f} ± {error:.3f}"


def _grid(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(value))
    return table


def _title(scores: Scores) -> str:
    if scores.n_trials is None:
        return f"{scores.name}: memorization and influence from files in the format of the paper's authors"
    return f"{scores.id}: memorization and influence of {scores.data.name} over {scores.n_trials} training runs"


def _facts(manifest: Manifest, uri: str) -> list[tuple[str, str]]:
    accuracies = manifest.accuracies
    return [
        ("examples", f"{manifest.n_train} train, {manifest.n_test} test, {manifest.n_classes} classes"),
        ("subsets", design_text(manifest)),
        (
            "mean accuracy",
            f"{percent(accuracies.train_seen)} on seen training examples, {percent(accuracies.train_held_out)} on "
            f"held-out ones, {percent(accuracies.test)} on test",
        ),
        ("error bars", f"standard errors, method {manifest.standard_error}: the noise of a finite number of trials"),
        ("Lemma 2.1", lemma_text(manifest)),
        ("without a score", f"{manifest.undefined.examples} training examples (every trial saw them, or none)"),
        ("made from", f"{'run' if manifest.key_kind == 'run' else 'inputs'} {manifest.key[:12]}, {_when(manifest)}"),
        ("where", uri),
    ]


def _facts_of_files(scores: Scores) -> list[tuple[str, str]]:
    mem, least = scores.mem, scores.thresholds.mem
    return [
        ("examples", f"{scores.n_train} train, {scores.n_test} test, {scores.n_classes} classes"),
        ("memorized", f"{int((mem >= least).sum())} training examples with mem ≥ {least:g}"),
        ("without a score", f"{int(np.isnan(mem).sum())} training examples"),
        ("not in them", NO_COUNTS),
        ("made from", ", ".join(file.path for file in scores.files)),
        ("where", scores.uri),
    ]


def _pair_counts(scores: Scores) -> PairCounts | PairStatistics:
    if scores.manifest is not None:
        return scores.manifest.pairs
    return pair_statistics(scores.pairs["tr_idx"].to_numpy(), scores.pairs["tt_idx"].to_numpy(), scores.n_test)


def _when(manifest: Manifest) -> str:
    return f"{manifest.created:%Y-%m-%d %H:%M} UTC, mempipe {manifest.software.get('mempipe', 'unknown')}"


def _most_memorized(examples: pa.Table, names: Sequence[str], top: int) -> Group:
    with_counts, with_file = ("n_in" in examples.column_names, "filename" in examples.column_names)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("idx", justify="right")
    table.add_column("label")
    for name in ("mem", *(("right when seen", "right when held out", "C-score") if with_counts else ())):
        table.add_column(name, justify="right")
    if with_file:
        table.add_column("name", overflow="fold")
    for row in examples.take(descending(examples, "mem")[:top]).to_pylist():
        if row["mem"] is None:
            continue
        cells: list[RenderableType] = [str(row["idx"]), Text(names[row["label"]]), score_text(row, "mem")]
        if with_counts:
            cells += [
                f"{row['correct_in']} of {row['n_in']}",
                f"{row['correct_out']} of {row['n_out']}",
                f"{row['heldout_accuracy']:.3f}",
            ]
        table.add_row(*cells, *([Text(row["filename"])] if with_file else []))
    return Group(Text("Most memorized training examples", style="table.title"), table)


def _pairs(pairs: PairCounts | PairStatistics, limits: Thresholds) -> Text:
    labels = "of equal labels " if limits.same_label else ""
    share = None if pairs.test_share is None or np.isnan(pairs.test_share) else pairs.test_share
    return Text(
        f"{pairs.n_pairs} high-influence pairs {labels}(mem ≥ {limits.mem:g}, infl ≥ {limits.infl:g}): "
        f"{pairs.n_train} training examples influence {pairs.n_test} test examples ({percent(share)} of the "
        f"test set), {pairs.n_test_single} of them are influenced by one training example alone."
    )


def _classes(classes: pa.Table, least_mem: float) -> Table:
    n_classes, with_pairs = classes.num_rows, "n_pairs" in classes.column_names
    title = "Classes by mean memorization" + (f" (first {_CLASSES} of {n_classes})" if n_classes > _CLASSES else "")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("class")
    pairs = ("pairs",) if with_pairs else ()
    for name in ("train", "test", "mean mem", f"mem ≥ {least_mem:g}", *pairs, "no score"):
        table.add_column(name, justify="right")
    for row in classes.take(descending(classes, "mean_mem")[:_CLASSES]).to_pylist():
        table.add_row(
            Text(row["name"]),
            str(row["n_train"]),
            str(row["n_test"]),
            "–" if row["mean_mem"] is None else f"{row['mean_mem']:.4f}",
            str(row["n_mem_above_threshold"]),
            *([str(row["n_pairs"])] if with_pairs else []),
            str(row["n_undefined"]),
        )
    return table
