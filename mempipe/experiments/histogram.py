"""Histograms with exact edges: bins [left, right), the last one closed."""

from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import InputError
from mempipe.experiments.result import Column, Table


def edges_between(start: float, stop: float, width: float) -> NDArray[np.float64]:
    """Return the edges of bins of one width, by decimal arithmetic: 0.15 + 3 * 0.05 is exactly 0.3.

    Args:
        start: first edge.
        stop: last edge, above `start`.
        width: width of a bin, above 0; the last bin is narrower if `width` does not divide stop - start.

    Returns:
        float64 (n_bins + 1,), strictly ascending, each the float64 nearest to its decimal value.

    Raises:
        InputError: there are no bins.

    Example:
        >>> len(edges_between(0.15, 1, 0.05))  # Figure 3: 17 bins
        18
    """
    if not (start < stop and width > 0):
        raise InputError(
            f"Bins cannot be made: start is {start}, stop is {stop}, width is {width}, "
            "expected start < stop and width > 0.",
            hint="choose a threshold below 1 and a width such as 0.05.",
        )
    first, last, step = (Decimal(str(value)) for value in (start, stop, width))
    n_whole = int((last - first) // step)
    edges = [first + k * step for k in range(n_whole + 1)]
    if edges[-1] < last:
        edges.append(last)
    return np.array([float(edge) for edge in edges])


def count_bins(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count values in bins: edges[k] <= value < edges[k + 1], and value <= edges[-1] in the last one.

    Args:
        values: float64 of any shape; NaN and values outside the edges are in no bin.
        edges: float64 (n_bins + 1,), ascending.

    Returns:
        int64 (n_bins,).
    """
    counts: NDArray[np.int64] = np.histogram(values[~np.isnan(values)], bins=edges)[0].astype(np.int64)
    return counts


def bins_table(title: str, score: str, unit: str, edges: NDArray[np.float64], counts: NDArray[Any]) -> Table:
    """Return the table of a histogram: columns `left`, `right` and `count`.

    Args:
        title: of the table.
        score: the binned score, such as `influence`.
        unit: the counted objects, such as `pairs`.
        edges: float64 (n_bins + 1,).
        counts: int64 (n_bins,).
    """
    return Table(
        title=title,
        columns={
            "left": Column.of(f"{score}: left edge of the bin, in it", edges[:-1]),
            "right": Column.of(f"{score}: right edge, not in it but for the last bin", edges[1:]),
            "count": Column.of(f"{unit} in the bin", counts),
        },
    )


def occupied(edges: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return edges and counts from the first occupied bin to the last; all bins if none is occupied."""
    filled = np.flatnonzero(counts)
    if not filled.size:
        return edges, counts
    first, last = int(filled[0]), int(filled[-1])
    return edges[first : last + 2], counts[first : last + 1]
