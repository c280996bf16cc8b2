"""Prints releases: a summary, or the pairs at chosen thresholds."""

import sys
from dataclasses import fields
from typing import Final

import pyarrow as pa
import pyarrow.csv as pa_csv
from rich import box
from rich.console import Console
from rich.table import Table

from mempipe.release.load import load_release
from mempipe.release.summary import summarize
from mempipe.scores.pairs import PairTable, pair_statistics

_WIDTH_OF_A_FILE: Final = 120


def print_summary(uri: str, *, top: int) -> None:
    """Print what a release holds and its most memorized examples."""
    _console().print(summarize(load_release(uri), top=top))


def print_pairs(uri: str, *, mem: float, infl: float, same_label: bool, csv: bool) -> None:
    """Print the high-influence pairs at these thresholds, the strongest first."""
    release = load_release(uri)
    pairs = release.select_pairs(mem=mem, infl=infl, same_label=same_label)
    if csv:
        pa_csv.write_csv(pairs, sys.stdout.buffer)
        return
    kind = "of one label" if same_label else "of any labels"
    table = Table(title=f"{release.manifest.id}: {pairs.num_rows} pairs {kind} with infl ≥ {infl} and mem ≥ {mem}")
    table.box = box.SIMPLE
    for column in ("train", "test", "label", "test label", "infl", "mem", "trials with / without"):
        table.add_column(column, justify="right")
    for row in pairs.to_pylist():
        table.add_row(
            str(row["tr_idx"]),
            str(row["tt_idx"]),
            str(row["label"]),
            str(row["tt_label"]),
            f"{row['infl']:.3f} ± {row['infl_se']:.3f}",
            f"{row['mem']:.3f} ± {row['mem_se']:.3f}",
            f"{row['n_in']} / {row['n_out']}",
        )
    console = _console()
    console.print(table)
    console.print(_statistics(pairs, release.manifest.n_test), soft_wrap=True)


def _statistics(pairs: pa.Table, n_test: int) -> str:
    columns = {field.name: pairs[field.name].to_numpy() for field in fields(PairTable)}
    found = pair_statistics(PairTable(**columns), n_test)
    return (
        f"{found.n_pairs} pairs; {found.n_train} different training and {found.n_test} different test examples "
        f"({found.test_share:.2%} of the test set), of which {found.n_test_single} are in one pair only."
    )


def _console() -> Console:
    """Return a console as wide as the terminal; a fixed width where the output is a file."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDTH_OF_A_FILE, highlight=False)
