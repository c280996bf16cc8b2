"""How much of a planted tail an estimate finds: `python -m benchmarks.planted RELEASE [--json FILE]`.

For a release of the data set `digits_long_tail`, whose file names say what each example is; an estimate knows none.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import mempipe

KINDS = ("digit", "rare", "blend", "mislabelled")


def group(name: str) -> str:
    """Return what an example belongs to: `rare-negative-3` without its number; near duplicates are their own group."""
    return name if name.startswith("blend-") else name.rsplit("-", 1)[0]


def findings(release: mempipe.Release) -> dict[str, Any]:
    """Return what was found of each planted kind."""
    examples, pairs = release.examples.to_pandas(), release.pairs.to_pandas()
    tests = release.test_examples.to_pandas()["filename"]
    kinds = examples["filename"].str.split("-").str[0]
    rows = []
    for kind in KINDS:
        own = np.flatnonzero(kinds == kind)
        mem = examples["mem"].to_numpy()[own]
        of_kind = pairs[pairs["tr_idx"].isin(own)]
        hits = [
            group(examples["filename"][train]) == group(tests[test])
            for train, test in zip(of_kind["tr_idx"], of_kind["tt_idx"], strict=True)
        ]
        rows.append(
            {
                "kind": kind,
                "n_train": len(own),
                "mean_mem": round(float(mem.mean()), 3),
                "share_memorized": round(float((mem >= 0.25).mean()), 3),
                "pairs": len(of_kind),
                # Ordinary digits have no group.
                "pairs_in_own_group": None if kind == "digit" else sum(hits),
                "examples_with_a_pair_in_own_group": None if kind == "digit" else len(set(of_kind["tr_idx"][hits])),
            }
        )
    order = np.argsort(-examples["mem"].to_numpy(), kind="stable")
    n_wrong = int((kinds == "mislabelled").sum())
    return {
        "release": release.manifest.id,
        "trials": release.manifest.n_trials,
        "kinds": rows,
        "ordinary_among_most_memorized": {
            str(n): int((kinds.to_numpy()[order[:n]] == "digit").sum()) for n in (n_wrong, 100, 150)
        },
    }


def main() -> None:
    """Print a table; with --json also write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    numbers = findings(mempipe.load_release(arguments.release))
    columns = list(numbers["kinds"][0])
    print(" | ".join(columns))
    for row in numbers["kinds"]:
        print(" | ".join(str(row[column]) for column in columns))
    for n, ordinary in numbers["ordinary_among_most_memorized"].items():
        print(f"of the {n} most memorized examples {ordinary} are ordinary digits")
    if arguments.json:
        arguments.json.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
