"""What `mempipe show` prints of a release: plain words, so that nobody wonders what a number means."""

import pyarrow as pa
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mempipe.release.card import design_text, lemma_text, percent
from mempipe.release.load import Release
from mempipe.release.manifest import Manifest
from mempipe.release.tables import descending

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
        _header(release),
        Text(),
        _most_memorized(release, top),
        Text(
            "mem: how much more often the label is predicted when the example was trained on than when it was held "
            "out, ± standard error. C-score: how often when it was held out.",
            style="dim",
        ),
        Text(),
        _pairs(manifest),
        Text(),
        _classes(release),
    ]
    return Group(*parts)


def _header(release: Release) -> Table:
    manifest = release.manifest
    accuracies = manifest.accuracies
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows = [
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
    for name, value in rows:
        table.add_row(name, Text(value))
    return table


def _when(manifest: Manifest) -> str:
    return f"{manifest.created:%Y-%m-%d %H:%M} UTC, mempipe {manifest.software.get('mempipe', 'unknown')}"


def _most_memorized(release: Release, top: int) -> Table:
    examples = release.examples
    names = _names(release.classes)
    with_file = "filename" in examples.column_names
    table = Table(title="Most memorized training examples", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, justify in (("idx", "right"), ("label", "left"), ("mem", "right"), ("right when seen", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("right when held out", justify="right")
    table.add_column("C-score", justify="right")
    if with_file:
        table.add_column("file", overflow="fold")
    for row in examples.take(descending(examples, "mem")[:top]).to_pylist():
        if row["mem"] is None:
            continue
        table.add_row(
            str(row["idx"]),
            Text(names[row["label"]]),
            f"{row['mem']:.3f} ± {row['mem_se']:.3f}",
            f"{row['correct_in']} of {row['n_in']}",
            f"{row['correct_out']} of {row['n_out']}",
            f"{row['heldout_accuracy']:.3f}",
            *([Text(row["filename"])] if with_file else []),
        )
    return table


def _pairs(manifest: Manifest) -> Text:
    pairs, limits = manifest.pairs, manifest.thresholds
    labels = "of equal labels " if limits.same_label else ""
    return Text(
        f"{pairs.n_pairs} high-influence pairs {labels}(mem ≥ {limits.mem:g}, infl ≥ {limits.infl:g}): "
        f"{pairs.n_train} training examples influence {pairs.n_test} test examples ({percent(pairs.test_share)} of the "
        f"test set), {pairs.n_test_single} of them are influenced by one training example alone."
    )


def _classes(release: Release) -> Table:
    limits = release.manifest.thresholds
    classes = release.classes
    n_classes = classes.num_rows
    title = "Classes by mean memorization" + (f" (first {_CLASSES} of {n_classes})" if n_classes > _CLASSES else "")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("class")
    for name in ("train", "test", "mean mem", f"mem ≥ {limits.mem:g}", "pairs", "no score"):
        table.add_column(name, justify="right")
    for row in classes.take(descending(classes, "mean_mem")[:_CLASSES]).to_pylist():
        table.add_row(
            Text(row["name"]),
            str(row["n_train"]),
            str(row["n_test"]),
            "–" if row["mean_mem"] is None else f"{row['mean_mem']:.4f}",
            str(row["n_mem_above_threshold"]),
            str(row["n_pairs"]),
            str(row["n_undefined"]),
        )
    return table


def _names(classes: pa.Table) -> dict[int, str]:
    return dict(zip(classes["label"].to_pylist(), classes["name"].to_pylist(), strict=True))
