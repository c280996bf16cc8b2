"""From images to findings on a data set whose tail was planted: what is there is found, and its removal costs."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.planted import findings
from mempipe.data import load_dataset
from mempipe.errors import InputError
from mempipe.experiments.result import Result
from mempipe.experiments.training import Training
from mempipe.release.load import Release
from mempipe.spec import Component
from mempipe.steps.retraining import check_classes_remain
from mempipe.subsets import removal
from tests.command import mempipe


def test_the_planted_tail_is_found(planted: Release) -> None:
    numbers = findings(planted)
    kinds = {row["kind"]: row for row in numbers["kinds"]}
    assert kinds["mislabelled"]["share_memorized"] == 1
    assert kinds["mislabelled"]["mean_mem"] > 0.95
    assert kinds["blend"]["share_memorized"] > 0.9
    assert kinds["digit"]["share_memorized"] < 0.1
    assert numbers["ordinary_among_most_memorized"]["40"] <= 5
    assert kinds["blend"]["examples_with_a_pair_in_own_group"] >= 30  # of 40 near duplicates across the parts
    assert kinds["mislabelled"]["pairs_in_own_group"] == 0


def test_removing_the_influencers_costs_accuracy_on_the_influenced(planted: Release) -> None:
    process = mempipe("experiment", "influencers", planted.uri, "--repeats", "4", "--workers", "1")
    result = Result.from_json(Path(process.stdout.splitlines()[-1]).read_bytes(), source="the result")
    assert result.release == planted.manifest.id
    (seed,) = {run.seed for run in result.runs}
    assert (seed, [run.trials for run in result.runs]) == (0, [4, 8])
    table = result.findings.tables["tests"].columns
    with_all, without, control = (
        np.array(table[name].values, dtype=float) for name in ("with_all", "without_influencers", "without_random")
    )
    assert with_all.mean() - without.mean() > 0.3
    assert with_all.mean() - control.mean() < 0.2


def test_a_threshold_that_leaves_a_class_empty_is_refused(planted: Release) -> None:
    """Before anything is trained or written."""
    runs = Path(planted.uri).parents[2] / "runs"
    before = sorted(path.name for path in runs.iterdir())
    lowest = str(planted.mem.min())
    process = mempipe("experiment", "marginal-utility", planted.uri, "--thresholds", lowest, code=20)
    assert (
        "leaves no training example of classes 0, 1, 2, 3, 4, …, expected at least one of each class" in process.stderr
    )
    assert sorted(path.name for path in runs.iterdir()) == before


def test_the_emptied_class_is_named() -> None:
    digits = load_dataset(Component(name="digits"))
    some = Training("some", removal(digits.train_labels == 3), 2)
    with pytest.raises(InputError, match="'some' leaves no training example of class 3, expected"):
        check_classes_remain([some], digits)
    check_classes_remain([Training("few", removal(np.arange(digits.n_train) < 500), 2)], digits)
