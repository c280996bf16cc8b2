"""Report content from npz files in the format of the paper's authors, which have no manifest."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.release.authors_folder import NO_COUNTS, AuthorsFolder
from mempipe.release.manifest import Thresholds
from mempipe.report.content import Limits, ReportContent, ScoreFile, floor_for, lowest_limits

_COLUMNS: Final = {"tr_idx": np.int64, "tt_idx": np.int64, "infl": np.float64, "mem": np.float64}


def content_of_authors(files: AuthorsFolder) -> ReportContent:
    """Return what a report of these files shows.

    Thresholds are those of the pairs file, or else the paper's; with the matrices pairs go below them.

    Raises:
        InputError: there is a pairs file only, or the files are of different data sets.
        ReleaseError: a file is damaged.
    """
    scores = files.require_scores()
    n_train, n_test = scores.mem.size, scores.test_labels.size
    given = files.thresholds or Thresholds()
    thresholds = Limits(given.mem, given.infl)
    pairs, floor = _pairs(files, thresholds)
    names = files.filenames or (None, None)
    sources = {"pairs": "the pairs file", "matrix": "the influence matrices"}
    source = " and ".join(text for kind, text in sources.items() if kind in files.files)
    return ReportContent(
        title=files.name,
        id=files.folder.name,
        uri=str(files.folder),
        facts=[
            ("Made from", "npz files in the format of the paper's authors, without a manifest"),
            ("Examples", f"{n_train:,} training, {n_test:,} test, {scores.n_classes:,} classes"),
            ("Trials", f"unknown: {NO_COUNTS}"),
            ("Data fingerprint", "unknown"),
            (
                "Thresholds of a high-influence pair",
                f"mem ≥ {thresholds.mem:g}, infl ≥ {thresholds.infl:g}, equal labels; pairs are "
                + (f"from {source}" if source else "unknown: an index file has none"),
            ),
        ],
        class_names=[str(label) for label in range(scores.n_classes)],
        n_trials=None,
        thresholds=thresholds,
        floor=floor,
        train={"label": scores.train_labels, "mem": scores.mem},
        test={"label": scores.test_labels},
        pairs={name: pairs[name] for name in ("tr_idx", "tt_idx", "infl")},
        train_names=names[0],
        test_names=names[1],
        tables={
            "examples": pa.table(
                {
                    "idx": np.arange(n_train),
                    "label": scores.train_labels,
                    "mem": pa.array(scores.mem, from_pandas=True),
                }
            ),
        }
        | ({"pairs": pa.table(dict(pairs))} if files.has_pairs else {}),
        has_pairs=files.has_pairs,
        files=[ScoreFile(path.name, path.stat().st_size, None, path.absolute) for path in files.files.values()],
    )


def _pairs(files: AuthorsFolder, thresholds: Limits) -> tuple[dict[str, NDArray[Any]], Limits]:
    """Return pairs by descending influence, and the floor down to which they are complete."""
    if not files.has_pairs:
        return {name: np.empty(0, dtype=kind) for name, kind in _COLUMNS.items()}, lowest_limits(thresholds)
    lowest = lowest_limits(thresholds) if "matrix" in files.files else thresholds
    pairs = _columns(files.select_pairs(mem=lowest.mem, infl=lowest.infl))
    floor = floor_for(pairs["infl"], lowest, thresholds)
    kept = (pairs["infl"] >= floor.infl) & (pairs["mem"] >= floor.mem)
    return {name: values[kept] for name, values in pairs.items()}, floor


def _columns(pairs: pa.Table) -> dict[str, NDArray[Any]]:
    return {name: pairs[name].to_numpy() for name in _COLUMNS}
