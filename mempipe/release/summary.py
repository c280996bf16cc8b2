"""What `mempipe show` prints of a release or of the authors' files: plain words, so that no number needs a guess."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mempipe.release.authors_folder import NO_COUNTS, AuthorsFolder
from mempipe.release.card import design_text, lemma_text, percent
from mempipe.release.load import Release
from mempipe.release.manifest import Manifest, PairCounts, Thresholds
from mempipe.release.tables import classes_table, descending
from mempipe.scores.pairs import PairStatistics, pair_statistics
from mempipe.tables.parquet import has_values

_CLASSES = 20


def summarize(release: Release, *, top: int = 10) -> RenderableType:
    """Return what a release holds: header, most memorized examples, pairs and classes.

    Args:
        release: as loaded.
        top: how many of the most memorized examples.
    """
    manifest = release.manifest
    title = f"{manifest.id}: memorization and influence of {manifest.data.name} over {manifest.n_trials} training runs"
    parts: list[RenderableType] = [
        Text(title, style="bold"),
        _grid(_facts(release)),
        Text(),
        _most_memorized(release.examples, _names(release.classes), top),
        Text(
            "mem: how much more often the label is predicted when the example was trained on than when it was held "
            "out, ± standard error. C-score: how often when it was held out.",
            style="dim",
        ),
        Text(),
        _pairs(manifest.pairs, manifest.thresholds),
        Text(),
        _classes(release.classes, manifest.thresholds.mem),
    ]
    return Group(*parts)


def summarize_authors(files: AuthorsFolder, *, top: int = 10) -> RenderableType:
    """Return what the authors' files hold: header, most memorized examples, pairs and classes.

    Pairs are those of the pairs file, or else the matrices' at the paper's thresholds.

    Args:
        files: as found.
        top: how many of the most memorized examples.

    Raises:
        InputError: there is a pairs file only, or the files are of different data sets.
        ReleaseError: a file is damaged.
    """
    scores, limits = files.require_scores(), files.thresholds or Thresholds()
    examples = {"idx": np.arange(scores.mem.size), "label": scores.train_labels}
    table = pa.table(examples | {"mem": pa.array(scores.mem, from_pandas=True)})
    if files.filenames is not None:
        table = table.append_column("filename", pa.array(files.filenames[0], pa.string()))
    names = [str(label) for label in range(scores.n_classes)]
    nothing = np.empty(0, dtype=np.int64)
    pairs = files.select_pairs(mem=limits.mem, infl=limits.infl) if files.has_pairs else None
    tr_idx, tt_idx = (nothing if pairs is None else pairs[name].to_numpy() for name in ("tr_idx", "tt_idx"))
    labels = scores.train_labels, scores.test_labels
    classes = classes_table(scores.mem, *labels, names, tr_idx, mem_threshold=limits.mem)
    statistics = pair_statistics(tr_idx, tt_idx, scores.test_labels.size)
    facts = [
        ("examples", f"{scores.mem.size} train, {scores.test_labels.size} test, {scores.n_classes} classes"),
        ("memorized", f"{int((scores.mem >= limits.mem).sum())} training examples with mem ≥ {limits.mem:g}"),
        ("without a score", f"{int(np.isnan(scores.mem).sum())} training examples"),
        ("not in them", NO_COUNTS),
        ("made from", ", ".join(path.name for path in files.files.values())),
        ("where", str(files.folder)),
    ]
    return Group(
        Text(f"{files.name}: memorization and influence from files in the format of the paper's authors", style="bold"),
        _grid(facts),
        Text(),
        _most_memorized(table, dict(enumerate(names)), top),
        Text(
            "mem: how much more often the label is predicted when the example was trained on than when it was held "
            "out.",
            style="dim",
        ),
        Text(),
        Text("Pairs are unknown: an index file has none.") if pairs is None else _pairs(statistics, limits),
        Text(),
        _classes(classes.drop_columns("n_pairs") if pairs is None else classes, limits.mem),
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


def _facts(release: Release) -> list[tuple[str, str]]:
    manifest = release.manifest
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
        ("where", release.uri),
    ]


def _when(manifest: Manifest) -> str:
    return f"{manifest.created:%Y-%m-%d %H:%M} UTC, mempipe {manifest.software.get('mempipe', 'unknown')}"


def _most_memorized(examples: pa.Table, names: dict[int, str], top: int) -> Group:
    with_counts, with_file = ("n_in" in examples.column_names, has_values(examples, "filename"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("idx", justify="right")
    table.add_column("label")
    for name in ("mem", *(("right when seen", "right when held out", "C-score") if with_counts else ())):
        table.add_column(name, justify="right")
    if with_file:
        table.add_column("file", overflow="fold")
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


def _names(classes: pa.Table) -> dict[int, str]:
    return dict(zip(classes["label"].to_pylist(), classes["name"].to_pylist(), strict=True))
