"""Report content from a folder that holds only npz files in the format of the paper's authors, without a manifest."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.errors import InputError
from mempipe.release.npz import NpzReader
from mempipe.report.content import Limits, ReportContent, ScoreFile, floor_for, lowest_limits

PAPER: Final = Limits(mem=0.25, infl=0.15)
"""The paper's thresholds (section 2)."""

_COPIED_BYTES: Final = 8 * 2**20
_PAIRS: Final = re.compile(r"_high_infl_pairs_infl(?P<infl>[\d.]+)_mem(?P<mem>[\d.]+)\.npz$")


def looks_like_authors_files(folder: Path) -> bool:
    """Tell whether `folder` has files of the authors' format and no manifest."""
    return not (folder / "manifest.json").exists() and not (folder / "latest.json").exists() and bool(_find(folder))


def read_authors(folder: Path) -> ReportContent:
    """Return what a report of these files shows.

    Labels and memorization come from `*_infl_matrix.npz`, or else `*_index.npz`. Pairs come from
    `*_high_infl_pairs_*.npz` at the thresholds of its name, or else from the matrices at the paper's and lower ones.
    There are no counts of trials in these files, so there are no standard errors and no held-out accuracy.

    Raises:
        InputError: there is neither a matrix nor an index file, or there are files of more than one data set.
        ReleaseError: a file is damaged.
    """
    found = _find(folder)
    base = found.get("matrix") or found.get("index")
    if base is None:
        raise InputError(
            f"Report cannot be made: {folder} has no *_infl_matrix.npz and no *_index.npz, expected one of them.",
            hint="labels and memorization are in these; put one beside the pairs file.",
        )
    with NpzReader(base, source=str(base)) as archive:
        labels = archive.read("tr_labels").astype(np.int64), archive.read("tt_labels").astype(np.int64)
        mem = archive.read("tr_mem").astype(np.float64)
    if mem.shape != labels[0].shape:
        raise InputError(
            f"Report cannot be made: {base} tr_mem is {mem.shape}, expected {labels[0].shape} as tr_labels.",
            hint="fetch the file again.",
        )
    pairs, thresholds, floor = _pairs(found, mem)
    _refuse_beyond(pairs["tr_idx"], mem.size, found)
    _refuse_beyond(pairs["tt_idx"], labels[1].size, found)
    names = _names(found.get("index"))
    n_classes = int(max((part.max() for part in labels if part.size), default=-1)) + 1
    source = "the pairs file" if "pairs" in found else "the influence matrices"
    return ReportContent(
        title=base.name.removesuffix("_infl_matrix.npz").removesuffix("_index.npz"),
        id=folder.name,
        uri=str(folder),
        facts=[
            ("Made from", "npz files in the format of the paper's authors, without a manifest"),
            ("Examples", f"{mem.size:,} training, {labels[1].size:,} test, {n_classes:,} classes"),
            ("Trials", "unknown: these files have no counts, so there are no standard errors and no held-out accuracy"),
            ("Data fingerprint", "unknown"),
            (
                "Thresholds of a high-influence pair",
                f"mem ≥ {thresholds.mem:g}, infl ≥ {thresholds.infl:g}, equal labels; pairs are from {source}",
            ),
        ],
        class_names=[str(label) for label in range(n_classes)],
        n_trials=None,
        thresholds=thresholds,
        floor=floor,
        train={"label": labels[0], "mem": mem},
        test={"label": labels[1]},
        pairs={name: pairs[name] for name in ("tr_idx", "tt_idx", "infl")},
        train_names=names[0],
        test_names=names[1],
        tables={
            "examples": pa.table(
                {"idx": np.arange(mem.size), "label": labels[0], "mem": pa.array(mem, from_pandas=True)}
            ),
            "pairs": pa.table({**pairs, "mem": mem[pairs["tr_idx"]]}),
        },
        files=[
            ScoreFile(path.name, path.stat().st_size, local=path if path.stat().st_size <= _COPIED_BYTES else None)
            for path in found.values()
        ],
    )


def _find(folder: Path) -> dict[str, Path]:
    """Return the files of `folder` by kind.

    Raises:
        InputError: two of one kind, so that it is unclear which is meant.
    """
    found: dict[str, Path] = {}
    patterns = {"matrix": "*_infl_matrix.npz", "pairs": "*_high_infl_pairs_infl*_mem*.npz", "index": "*_index.npz"}
    for kind, pattern in patterns.items():
        files = sorted(folder.glob(pattern)) if folder.is_dir() else []
        if len(files) > 1:
            raise InputError(
                f"Report cannot be made: {folder} has {files[0].name} and {files[1].name}, expected one of a kind.",
                hint="put the files of each data set into a folder of their own.",
            )
        if files:
            found[kind] = files[0]
    return found


Pairs = dict[str, NDArray[Any]]


def _pairs(found: dict[str, Path], mem: NDArray[np.float64]) -> tuple[Pairs, Limits, Limits]:
    """Return pairs by descending influence, the thresholds, and the floor down to which they are complete."""
    if (path := found.get("pairs")) is not None:
        match = _PAIRS.search(path.name)
        thresholds = Limits(float(match["mem"]), float(match["infl"])) if match else PAPER
        with NpzReader(path, source=str(path)) as archive:
            tr_idx, tt_idx = archive.read("tr_idx").astype(np.int64), archive.read("tt_idx").astype(np.int64)
            infl = archive.read("infl").astype(np.float64)
        return _sorted(tr_idx, tt_idx, infl), thresholds, thresholds
    lowest = lowest_limits(PAPER)
    parts = list(_select(found, mem, lowest)) if "matrix" in found else []
    nothing = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))
    tr_idx, tt_idx, infl = (np.concatenate(column) for column in zip(nothing, *parts, strict=True))
    floor = floor_for(infl, lowest, PAPER)
    kept = (infl >= floor.infl) & (mem[tr_idx] >= floor.mem)
    return _sorted(tr_idx[kept], tt_idx[kept], infl[kept]), PAPER, floor


def _select(
    found: dict[str, Path], mem: NDArray[np.float64], limits: Limits
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Yield the pairs of each class, compared in float64; a few rows of a matrix are in memory at once."""
    path = found["matrix"]
    with NpzReader(path, source=str(path)) as archive:
        classes = [name.removeprefix("tr_classidx_") for name in archive.names if name.startswith("tr_classidx_")]
        for label in classes:
            tr_idx, tt_idx = archive.read(f"tr_classidx_{label}"), archive.read(f"tt_classidx_{label}")
            _refuse_beyond(tr_idx, mem.size, found)
            position = 0
            for band in archive.bands(f"infl_matrix_class{label}"):
                rows = tr_idx[position : position + len(band)]
                position += len(band)
                chosen = (band.astype(np.float64) >= limits.infl) & (mem[rows] >= limits.mem)[:, None]
                r, j = np.nonzero(chosen)
                yield rows[r].astype(np.int64), tt_idx[j].astype(np.int64), band[r, j].astype(np.float64)


def _refuse_beyond(positions: NDArray[np.int64], n: int, found: dict[str, Path]) -> None:
    if positions.size and positions.max() >= n:
        names = " and ".join(path.name for path in found.values())
        raise InputError(
            f"Report cannot be made: position {positions.max()} of {names} is beyond the labels, expected below {n}.",
            hint="put files of one data set into one folder.",
        )


def _sorted(tr_idx: NDArray[np.int64], tt_idx: NDArray[np.int64], infl: NDArray[np.float64]) -> Pairs:
    order = np.lexsort((tt_idx, tr_idx, -infl))
    return {"tr_idx": tr_idx[order], "tt_idx": tt_idx[order], "infl": infl[order]}


def _names(index: Path | None) -> tuple[list[str] | None, list[str] | None]:
    if index is None:
        return None, None
    with NpzReader(index, source=str(index)) as archive:
        train, test = ([_text(name) for name in archive.read(key).tolist()] for key in ("tr_filenames", "tt_filenames"))
    return train, test


def _text(name: bytes | str) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name
