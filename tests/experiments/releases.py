"""Releases whose scores are chosen: counts are made so that memorization and influence come out exactly as given."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.release.content import ReleaseContent
from mempipe.release.load import Release, load_release
from mempipe.release.manifest import DataSource
from mempipe.release.publish import publish_release
from mempipe.release.subset_design import SubsetDesign
from mempipe.release.write import write_release
from mempipe.scores.tally import BlockTally, ExampleTally, Scope, TrialSet, blocks_of
from mempipe.storage import open_store

SIDE = 64
"""Trials that saw an example, and as many that did not: scores are multiples of 1/32, so exact in binary."""

N_TRIALS = 2 * SIDE

_SUBSETS = SubsetDesign(design="uniform", ratio="0.5", seed=1)


def known_release(
    folder: Path,
    mem: Sequence[float],
    infl: Sequence[Sequence[float]] | NDArray[np.float64],
    *,
    train_labels: Sequence[int] | None = None,
    test_labels: Sequence[int] | None = None,
    name: str = "known",
    class_names: Sequence[str] = ("zero", "one", "two"),
    fingerprint: str | None = "f" * 64,
    accuracies: Sequence[float] = (0.5, 0.7),
    scope: Scope = Scope.CLASS,
    source: str = "run",
    subsets: SubsetDesign = _SUBSETS,
    model: str | None = None,
) -> Release:
    """Publish a release with these scores in the store `folder` and load it.

    Args:
        folder: the store.
        mem: (n_train,), multiples of 1/64; NaN: the example is in every subset.
        infl: [train, test], multiples of 1/32 in [-1, 1]; the rows of examples without a score do not matter.
        train_labels: by default all 0.
        test_labels: by default all 0.
        name: of the release.
        class_names: one for each label.
        fingerprint: of the data set.
        accuracies: test accuracies, one trial after the other, over and over.
        scope: which pairs are counted.
        source: of the trials.
        subsets: how the manifest says that they were drawn.
        model: of the run's spec; None: there was no run, and there is no spec.
    """
    memorization = np.asarray(mem, dtype=np.float64)
    matrix = np.asarray(infl, dtype=np.float64).reshape(len(memorization), -1)
    labels = [
        np.zeros(n, np.int64) if part_labels is None else np.array(part_labels, dtype=np.int64)
        for part_labels, n in ((train_labels, matrix.shape[0]), (test_labels, matrix.shape[1]))
    ]
    always = np.isnan(memorization)
    gain = np.rint(np.nan_to_num(memorization) * SIDE).astype(np.int64)
    trials = TrialSet.from_ids(source, np.arange(N_TRIALS))
    examples = ExampleTally(
        trials,
        n_in=np.where(always, N_TRIALS, SIDE),
        n_out=np.where(always, 0, SIDE),
        correct_in=np.where(always, N_TRIALS, np.maximum(gain, 0)),
        correct_out=np.where(always, 0, np.maximum(-gain, 0)),
        test_correct=np.full(matrix.shape[1], SIDE, dtype=np.int64),
    )
    seen = np.rint((np.nan_to_num(matrix) + 1) * SIDE / 2).astype(np.int32)
    seen[always] = SIDE

    def blocks() -> list[BlockTally]:
        return [
            BlockTally(block, seen[np.ix_(block.tr_idx, block.tt_idx)], trials) for block in blocks_of(*labels, scope)
        ]

    content = ReleaseContent(
        name=name,
        key="ab12" * 16,
        key_kind="run",
        examples=examples,
        blocks=blocks,
        scope=scope,
        train_labels=labels[0],
        test_labels=labels[1],
        class_names=class_names,
        trials=_trials(accuracies),
        subsets=subsets,
        data=DataSource(name="made", fingerprint=fingerprint),
        spec=None if model is None else {"model": {"name": model}},
        created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    staging = folder / "staging" / name
    manifest = write_release(content, staging)
    return load_release(publish_release(open_store(str(folder)), f"releases/{name}", staging, manifest).uri)


def _trials(accuracies: Sequence[float]) -> pa.Table:
    columns: dict[str, Any] = {
        "trial": np.arange(N_TRIALS),
        "n_subset": np.full(N_TRIALS, 3),
        "train_accuracy_in": np.ones(N_TRIALS),
        "train_accuracy_out": np.ones(N_TRIALS),
        "test_accuracy": np.resize(accuracies, N_TRIALS).astype(np.float64),
    }
    return pa.table(columns)
