"""Which trials were counted: a set of (source, trial) kept as intervals, so that no trial counts twice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import TallyError

Interval = tuple[int, int]
"""Trials `start` to `stop - 1`."""


@dataclass(frozen=True)
class TrialSet:
    """A set of trials, each named by its source and its number there.

    A source is whatever trial numbers are unique in: a run key, or the hash of an input file. Equal sets are equal
    objects, because the form is canonical: sources ascending, intervals ascending, disjoint and not touching.

    Attributes:
        intervals: for each source with at least one trial, its half-open intervals.
    """

    intervals: tuple[tuple[str, tuple[Interval, ...]], ...] = ()

    def __post_init__(self) -> None:
        names = [source for source, _ in self.intervals]
        canonical = names == sorted(set(names)) and all(
            spans and spans[0][0] >= 0 and _joined(spans) == spans for _, spans in self.intervals
        )
        if not canonical:
            raise _malformed(self.intervals)

    @classmethod
    def from_ids(cls, source: str, trials: NDArray[np.int64] | Sequence[int]) -> Self:
        """Return the set of these trials of one source, given in any order.

        Raises:
            TallyError: a trial is given twice, or is negative.
        """
        ids = np.sort(np.asarray(trials, dtype=np.int64))
        if ids.size == 0:
            return cls()
        steps = np.diff(ids)
        if ids[0] < 0:
            raise _malformed({source: f"trial {ids[0]}"})
        if np.any(steps == 0):
            raise _twice(source, int(ids[1:][steps == 0][0]))
        edges = np.flatnonzero(steps > 1)
        starts, lasts = ids[np.r_[0, edges + 1]].tolist(), ids[np.r_[edges, ids.size - 1]].tolist()
        return cls(((source, tuple((start, last + 1) for start, last in zip(starts, lasts, strict=True))),))

    @classmethod
    def from_dict(cls, intervals: Mapping[str, Iterable[Sequence[int]]]) -> Self:
        """Return the set that `to_dict` wrote; touching intervals are joined.

        Raises:
            TallyError: an interval is no pair of integers 0 <= start < stop, or two of them overlap.
        """
        result: list[tuple[str, tuple[Interval, ...]]] = []
        for source, spans in sorted(intervals.items()):
            pairs = sorted((int(span[0]), int(span[1])) for span in spans if _is_interval(span, intervals))
            for (_, stop), (start, _) in pairwise(pairs):
                if start < stop:
                    raise _twice(source, start)
            if pairs:
                result.append((source, _joined(pairs)))
        return cls(tuple(result))

    def to_dict(self) -> dict[str, list[list[int]]]:
        """Return plain JSON: `{source: [[start, stop], …]}`, half-open."""
        return {source: [list(span) for span in spans] for source, spans in self.intervals}

    def __len__(self) -> int:
        return sum(stop - start for _, spans in self.intervals for start, stop in spans)

    def union(self, other: "TrialSet") -> "TrialSet":
        """Return the trials that are in either set."""
        mine, theirs = dict(self.intervals), dict(other.intervals)
        return TrialSet(
            tuple(
                (source, _joined(sorted(mine.get(source, ()) + theirs.get(source, ()))))
                for source in sorted(mine.keys() | theirs.keys())
            )
        )

    def overlap(self, other: "TrialSet") -> "TrialSet":
        """Return the trials that are in both sets."""
        mine, theirs = dict(self.intervals), dict(other.intervals)
        both = ((source, _intersection(mine[source], theirs[source])) for source in sorted(mine.keys() & theirs.keys()))
        return TrialSet(tuple((source, spans) for source, spans in both if spans))

    def disjoint_union(self, other: "TrialSet") -> "TrialSet":
        """Return the union of two sets that must have no trial in common.

        Raises:
            TallyError: a trial is in both, so its outcome would count twice.
        """
        common = self.overlap(other).intervals
        if common:
            raise _twice(common[0][0], common[0][1][0][0])
        return self.union(other)


def _joined(spans: Sequence[Interval]) -> tuple[Interval, ...]:
    """Join ascending intervals that overlap or touch."""
    joined: list[Interval] = []
    for start, stop in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return tuple(joined)


def _intersection(a: Sequence[Interval], b: Sequence[Interval]) -> tuple[Interval, ...]:
    """Intersect two ascending lists of disjoint intervals."""
    result: list[Interval] = []
    i = j = 0
    while i < len(a) and j < len(b):
        start, stop = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if start < stop:
            result.append((start, stop))
        if a[i][1] <= b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(result)


def _is_interval(span: Sequence[Any], intervals: object) -> bool:
    if len(span) == 2 and all(isinstance(edge, int) for edge in span) and 0 <= span[0] < span[1]:
        return True
    raise _malformed(intervals)


def _malformed(intervals: object) -> TallyError:
    return TallyError(
        f"Trials cannot be counted: intervals are {str(intervals)[:200]}, "
        "expected disjoint [start, stop) with 0 <= start < stop for each source.",
        hint="trial numbers start at 0; a manifest that was edited by hand must be restored.",
    )


def _twice(source: str, trial: int) -> TallyError:
    return TallyError(
        f"Counts cannot be combined: trial {trial} of source {source} is given twice, expected once.",
        hint="leave out the tally, release or shard that repeats the trial.",
    )
