"""Prints releases, and the authors' files: a summary, or the pairs at chosen thresholds."""

import math
import sys
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray
from rich import box
from rich.table import Table

from mempipe.cli.terminal import console
from mempipe.experiments.histogram import count_bins, edges_between, occupied
from mempipe.release.authors_folder import NO_COUNTS
from mempipe.release.open_scores import open_scores
from mempipe.release.summary import score_text, summarize
from mempipe.scores.pairs import pair_statistics

_BIN: Final = 0.05
_LONGEST_BAR: Final = 40


def print_summary(uri: str, *, top: int) -> None:
    """Print a summary of a release or of a folder of the authors' files, and its most memorized examples."""
    console().print(summarize(open_scores(uri), top=top))


def print_pairs(uri: str, *, mem: float, infl: float, same_label: bool, csv: bool) -> None:
    """Print the high-influence pairs at these thresholds, strongest first; columns without values are left out."""
    scores = open_scores(uri)
    pairs = scores.known(scores.select_pairs(mem=mem, infl=infl, same_label=same_label))
    if csv:
        pa_csv.write_csv(pairs, sys.stdout.buffer)
        return
    title = scores.name if scores.manifest is None else scores.id
    kind = "of one label" if same_label else "of any labels"
    screen = console()
    screen.print(f"{title}: {pairs.num_rows} pairs {kind} with infl ≥ {infl} and mem ≥ {mem}", soft_wrap=True)
    screen.print(_table(pairs))
    if pairs.num_rows and infl < 1:
        screen.print(_histogram(pairs["infl"].to_numpy(), infl))
    screen.print(_statistics(pairs, scores.n_test if "tt_label" in pairs.column_names else None), soft_wrap=True)
    if scores.n_trials is None:
        screen.print(f"{NO_COUNTS.capitalize()}.", soft_wrap=True)


def _table(pairs: pa.Table) -> Table:
    columns = {"train": "tr_idx", "test": "tt_idx", "label": "label", "test label": "tt_label"}
    present = {name: column for name, column in columns.items() if column in pairs.column_names}
    with_counts = "n_in" in pairs.column_names
    table = Table(box=box.SIMPLE)
    for name in (*present, "infl", "mem", *(["trials with / without"] if with_counts else [])):
        table.add_column(name, justify="right")
    for row in pairs.to_pylist():
        cells = [*(str(row[column]) for column in present.values()), score_text(row, "infl"), score_text(row, "mem")]
        table.add_row(*cells, *([_counts(row)] if with_counts else []))
    return table


def _counts(row: dict[str, Any]) -> str:
    return f"{row['n_in']} / {row['n_out']}"


def _histogram(infl: NDArray[np.float64], least: float) -> Table:
    """Return the histogram of influence in the bins of Figure 3, from the threshold to 1, without empty ends."""
    edges = edges_between(least, 1, _BIN)
    edges, counts = occupied(edges, count_bins(infl, edges))
    digits = max(2, len(f"{least:g}".partition(".")[2]))
    table = Table(title="Pairs by influence", title_justify="left", box=box.SIMPLE, pad_edge=False)
    for name in ("infl", "pairs"):
        table.add_column(name, justify="right")
    table.add_column()
    for left, right, count in zip(edges[:-1], edges[1:], counts.tolist(), strict=True):
        bar = "█" * math.ceil(_LONGEST_BAR * count / counts.max())
        table.add_row(f"{left:.{digits}f} to {right:.{digits}f}", str(count), bar)
    return table


def _statistics(pairs: pa.Table, n_test: int | None) -> str:
    stats = pair_statistics(pairs["tr_idx"].to_numpy(), pairs["tt_idx"].to_numpy(), n_test)
    share = "unknown share" if math.isnan(stats.test_share) else f"{stats.test_share:.2%}"
    return (
        f"{stats.n_pairs} pairs; {stats.n_train} different training and {stats.n_test} different test examples "
        f"({share} of the test set), of which {stats.n_test_single} are in one pair only."
    )
