"""`mempipe check` says what is wrong with a spec, and what its run will take, and writes nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mempipe.data import load_dataset
from mempipe.spans import Span
from mempipe.spec import Component, parse_spec
from mempipe.steps.cost import extrapolate, run_cost
from mempipe.steps.tiny_trials import Duration, tiny_size, tiny_spec
from mempipe.subsets import subset_mask
from mempipe.training.outcome import TrialOutcome
from tests.command import mempipe, run_folder
from tests.tiny import TINY


def checked(spec: Path, *arguments: str) -> dict[str, Any]:
    """What `mempipe check --json` prints."""
    return dict(json.loads(mempipe("check", spec, "--json", *arguments).stdout))


def test_a_built_in_trainer(
    spec: Path, finished: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is well; chunks, tasks and bytes are those of the real run; nothing is written."""
    monkeypatch.chdir(tmp_path)
    report = checked(spec, "--workers", "3")
    assert list(tmp_path.iterdir()) == []
    assert report["is_deterministic"]
    assert report["warnings"] == []
    assert report["train_order"]["accuracy"] > 0.5 > report["train_order"]["largest_random"]
    assert report["peak_memory"] > 100e6
    cost = report["cost"]
    folder = run_folder(finished[0])
    shards = list((folder / "shards").iterdir())
    assert (cost["n_trials"], cost["n_chunks"]) == (40, len(shards))
    assert cost["n_tasks"] == 2
    assert cost["n_workers"] == 3
    assert cost["shard_bytes"] == pytest.approx(sum(shard.stat().st_size for shard in shards), rel=0.01)


def test_a_spec_that_learns_nothing(tmp_path: Path) -> None:
    """A learning rate of almost 0: the same numbers as in a wrong order, and so a warning, not an error."""
    path = tmp_path / "spec.yaml"
    path.write_text(TINY.replace("learning_rate: 0.05", "learning_rate: 0.0000001"))
    (warning,) = checked(path)["warnings"]
    assert "wrong order" in warning
    assert "learned nothing" in warning


def test_the_tiny_subset() -> None:
    """5 % of the whole one, from all classes alike; the same in every even trial."""
    dataset = load_dataset(Component(name="digits"))
    spec = parse_spec(TINY, source="")
    assert tiny_size(spec, dataset) == -(-1005 // 20)
    tiny = tiny_spec(spec, dataset, 53)
    masks = [subset_mask(tiny.subsets, n_train=dataset.n_train, seed=spec.seed, trial=trial) for trial in (0, 2)]
    assert np.array_equal(*masks)
    assert sorted(np.bincount(dataset.train_labels[masks[0]])) == [5] * 7 + [6] * 3


def test_extrapolation() -> None:
    """Exact where each example adds the same; never less than what was measured."""
    a, b = (Duration(2 + 0.5 * n, 1 + 0.25 * n) for n in (10, 20))
    assert extrapolate((10, a), (20, b), 100) == (52, 26)
    assert extrapolate((10, b), (20, a), 100) == a
    assert extrapolate((1, a), (1, b), 100).seconds > 0


def test_the_cost_of_a_run() -> None:
    """95 trials in chunks of 10 and groups of 4: three groups a chunk, two in the last."""
    dataset = load_dataset(Component(name="digits"))
    text = TINY.replace("width: 10", "width: 4").replace("trials: 40", "trials: 95\ntask_size: 2")
    outcome = np.zeros(dataset.n_train, np.bool_), np.zeros(dataset.n_test, np.bool_)
    sample = TrialOutcome(0, outcome[0], {"correct": outcome[0]}, {"correct": outcome[1]}, 0.0)
    cost = run_cost(
        parse_spec(text, source=""),
        dataset,
        Span(0, 95),
        start_up=Duration(100, 50),
        group=Duration(8, 4),
        n_workers=2,
        sample=sample,
    )
    n_groups = 3 * 9 + 2
    assert (cost.n_trials, cost.n_chunks, cost.n_tasks) == (95, 10, 5)
    assert cost.core_hours == (5 * 50 + n_groups * 4) / 3600
    assert cost.hours == (100 + 15 * 8) / 3600
    assert cost.seconds_per_trial == 8 * n_groups / 95
    assert 95 * (180 + 180 + 45) < cost.shard_bytes < 95 * (180 + 180 + 45) + 10 * 5000
