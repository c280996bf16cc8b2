"""Merges releases that count different trials of the same run, or of the same data set."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from mempipe.errors import InputError
from mempipe.release.content import ReleaseContent
from mempipe.release.load import Release
from mempipe.release.manifest import DataSource
from mempipe.release.subset_design import SubsetDesign
from mempipe.scores.tally import BlockTally, merge


def ordered(releases: Iterable[Release]) -> list[Release]:
    """Return releases by the trials that they count, so that merging them in any order gives the same.

    Raises:
        InputError: a trial is in two of them, or they are not of the same run, data set, labels or pairs.
    """
    result = sorted(releases, key=lambda release: release.tallies.examples.trials.intervals)
    for other in result[1:]:
        _check_same(result[0], other)
    for one, other in combinations(result, 2):
        _check_disjoint(one, other)
    return result


def merged_trials(releases: Sequence[Release]) -> pa.Table:
    """Return the rows of all trials.

    Trials of a run keep their numbers. Those of several sources (`mempipe score` numbers its own from 0) are numbered
    anew, source by source.

    Args:
        releases: from `ordered`.
    """
    by_source: dict[str, list[pa.Table]] = {}
    for release in releases:
        start = 0
        for source, spans in release.tallies.examples.trials.intervals:
            n_trials = sum(stop - first for first, stop in spans)
            by_source.setdefault(source, []).append(release.trials.slice(start, n_trials))
            start += n_trials
    rows = [pa.concat_tables(by_source[source], promote_options="default") for source in sorted(by_source)]
    table = pa.concat_tables((part.sort_by("trial") for part in rows), promote_options="default").combine_chunks()
    if len(rows) > 1:
        position = table.schema.get_field_index("trial")
        table = table.set_column(position, "trial", pa.array(np.arange(table.num_rows), pa.int64()))
    return table


def merged_content(
    releases: Sequence[Release], name: str, trials: pa.Table, blocks: Callable[[], Iterable[BlockTally]]
) -> ReleaseContent:
    """Return the content of the release that counts the trials of all these.

    Args:
        releases: from `ordered`.
        name: of the release.
        trials: from `merged_trials`, with odd trials marked.
        blocks: gives the merged counts of the pairs.
    """
    first, manifest = releases[0], releases[0].manifest
    tallies = first.tallies
    examples = reduce(merge, (release.tallies.examples for release in releases))
    is_run = manifest.key_kind == "run"
    runs = {release.manifest.run for release in releases}
    return ReleaseContent(
        name=name,
        key=manifest.key if is_run else _key_of([source for source, _ in examples.trials.intervals]),
        key_kind=manifest.key_kind,
        examples=examples,
        blocks=blocks,
        scope=tallies.scope,
        train_labels=tallies.train_labels,
        test_labels=tallies.test_labels,
        class_names=first.class_names,
        trials=trials,
        subsets=manifest.subsets if is_run else SubsetDesign.of_counts(examples.n_in, examples.n_trials),
        data=manifest.data if is_run else DataSource(name=name, source=manifest.data.source),
        train_filenames=_filenames(first.examples),
        test_filenames=_filenames(first.test_examples),
        thresholds=manifest.thresholds,
        spec=manifest.spec,
        run=runs.pop() if len(runs) == 1 else None,
        merged=sorted(release.manifest.id for release in releases),
    )


def _key_of(sources: Sequence[str]) -> str:
    """Return the key of predictions from several inputs, whichever were merged first."""
    return hashlib.sha256(f"mempipe-merge-1|{json.dumps(sorted(sources))}".encode()).hexdigest()


def _check_same(one: Release, other: Release) -> None:
    """Refuse releases whose counts do not add up to those of one release."""
    first, second = one.manifest, other.manifest
    fields: list[tuple[str, Any, Any]] = [
        ("key_kind", second.key_kind, first.key_kind),
        ("data.fingerprint", second.data.fingerprint, first.data.fingerprint),
        *((field, getattr(second, field), getattr(first, field)) for field in ("n_train", "n_test", "influence")),
        ("thresholds", second.thresholds, first.thresholds),
    ]
    if first.key_kind == "run":
        fields.insert(1, ("key", second.key, first.key))
    for field, got, expected in fields:
        if got != expected:
            raise _refusal(f"{other.uri} {field} is {got}", f"{expected} as of {one.uri}")
    arrays: list[tuple[str, Any, Any]] = [
        ("train labels", other.tallies.train_labels, one.tallies.train_labels),
        ("test labels", other.tallies.test_labels, one.tallies.test_labels),
        ("class names", other.class_names, one.class_names),
        ("train file names", _filenames(other.examples), _filenames(one.examples)),
        ("test file names", _filenames(other.test_examples), _filenames(one.test_examples)),
    ]
    for field, got, expected in arrays:
        if not np.array_equal(got, expected):
            raise _refusal(f"{other.uri} has other {field}", f"those of {one.uri}")


def _check_disjoint(one: Release, other: Release) -> None:
    common = one.tallies.examples.trials.overlap(other.tallies.examples.trials)
    if len(common):
        _, spans = common.intervals[0]
        raise InputError(
            f"Releases cannot be merged: trial {spans[0][0]} is in {one.uri} and in {other.uri}, expected in one only.",
            hint="leave one of them out, or publish the trials that the other lacks (`mempipe publish --trials A:B`).",
        )


def _filenames(table: pa.Table) -> list[str] | None:
    """Return the names of the examples; None where the release has none, which its reader tells by nulls."""
    names = table["filename"]
    return None if names.null_count else names.to_pylist()


def _refusal(got: str, expected: str) -> InputError:
    return InputError(
        f"Releases cannot be merged: {got}, expected {expected}.",
        hint="merge releases of one run, or of predictions on one data set.",
    )
