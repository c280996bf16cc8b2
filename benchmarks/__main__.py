"""`make bench`: all benchmarks of one run, as a table and as JSON."""

import json
import platform
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import loops, own, scoring, training

DEFAULT = Path("benchmarks/results.json")


def main(out: Annotated[Path, typer.Option("--json", help="Where the numbers go.")] = DEFAULT) -> None:
    """Measure training and scoring beside their plain baselines."""
    results: dict[str, Any] = {
        "machine": {"platform": platform.platform(), "processor": platform.processor() or platform.machine()},
        "training": training.measure(),
        "loops": loops.measure(),
        "own": own.measure(),
        "scoring": scoring.measure(),
    }
    out.write_text(json.dumps(results, indent=1) + "\n")
    console = Console(width=120)
    console.print(training.table(results["training"]))
    console.print(loops.table(results["loops"]))
    console.print(own.table(results["own"]))
    console.print(_scoring_table(results["scoring"]))
    console.print(f"saved as {out}")


def _scoring_table(results: dict[str, dict[str, float]]) -> Table:
    table = Table(title="Influence estimates, seconds and peak memory of one process each")
    for column in ("pairs", "textbook (two matrix products)", "mempipe", "textbook / mempipe"):
        table.add_column(column, justify="left" if column == "pairs" else "right")
    for label, plain, ours in (
        ("same label, 2,000 × 60,000 × 10,000", "textbook", "ours"),
        ("all, 2,000 × 30,000 × 5,000", "textbook_all_pairs", "ours_all_pairs"),
    ):
        cells = [f"{results[name]['seconds']:.1f} s, {results[name]['peak_mib']:.0f} MiB" for name in (plain, ours)]
        table.add_row(label, *cells, f"{results[plain]['seconds'] / results[ours]['seconds']:.1f} ×")
    return table


if __name__ == "__main__":
    typer.run(main)
