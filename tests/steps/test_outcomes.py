"""Both trainers leave the outcomes that the spec declares, and their shards pass validation."""

import json
from pathlib import Path

import numpy as np
import pytest

from mempipe.bits import unpack
from mempipe.shards import decode
from tests.command import mempipe, run_folder
from tests.tiny import TINY


@pytest.mark.parametrize("trainer", ["{kind: ensemble, width: 10}", "{kind: single}"])
def test_outcomes_reach_the_shards(tmp_path: Path, trainer: str) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(TINY.replace("{kind: ensemble, width: 10}", trainer).replace("trials: 40", "trials: 3"))
    outcomes = "outcomes: [prediction, correct]\nmargins: true\n"
    with spec.open("a") as file:
        file.write(outcomes)
    mempipe("plan", spec, "--store", tmp_path / "store")
    run = run_folder(tmp_path / "store")
    mempipe("train", run, "--trials", "0:3")
    mempipe("validate", run)
    (path,) = (run / "shards").glob("*.npz")
    shard = decode(path.read_bytes(), source=str(path))
    assert set(shard.train) == {"correct", "margin", "prediction"}
    with np.load(run / "labels.npz") as labels:
        for arrays, y in ((shard.train, labels["train_labels"]), (shard.test, labels["test_labels"])):
            correct = unpack(arrays["correct"], y.size)
            np.testing.assert_array_equal(correct, arrays["prediction"] == y)
            assert arrays["prediction"].dtype == np.uint8
            assert set(np.unique(arrays["prediction"])) == set(range(10))
            assert np.all(correct[arrays["margin"] > 0.01])
            assert 0.5 < correct.mean() < 1
    spec.write_text(spec.read_text().replace(outcomes, "outcomes: [correct]\n"))
    replanned = mempipe("plan", spec, "--store", tmp_path / "store")
    assert "the run exists: it keeps chunk_size 10, outcomes correct, margin, prediction" in replanned.stderr


@pytest.mark.parametrize(
    ("keys", "outcomes"),
    [
        ("", ["correct", "margin", "prediction"]),
        ("margins: false\n", ["correct"]),
        ("margins: true\n", ["correct", "margin"]),
        ("outcomes: [correct]\n", ["correct"]),
    ],
)
def test_a_run_keeps_what_its_first_plan_decided(tmp_path: Path, keys: str, outcomes: list[str]) -> None:
    """Neither a larger plan, whose bank is above the limit, nor the other default changes it; digits has 1,797."""
    spec, store = tmp_path / "spec.yaml", tmp_path / "store"
    spec.write_text(f"{TINY}{keys}")
    first = mempipe("plan", spec, "--store", store)
    record = run_folder(store) / "run.json"
    content = record.read_bytes()
    assert json.loads(content)["spec"]["outcomes"] == outcomes
    assert f"kept of each prediction: {', '.join(outcomes)}" in first.stderr
    spec.write_text(TINY)
    larger = mempipe("plan", spec, "--store", store, "--trials", "200000")
    assert record.read_bytes() == content
    assert "the run exists" not in larger.stderr
    assert f"kept of each prediction: {', '.join(outcomes)}" in larger.stderr
    assert "1,078.2 MB for 200000 trials" in larger.stderr
    growth = "the store will grow: margins and predicted classes of 200000 trials take 1.1 GB"
    assert growth not in first.stderr
    assert (growth in " ".join(larger.stderr.split())) == ("prediction" in outcomes)
    status = " ".join(mempipe("status", run_folder(store)).stdout.split())
    assert "1,078.2 MB for 200000 trials" in status
    assert ("`outcomes: [correct, margin, prediction]`" in status) == ("prediction" not in outcomes)


def test_above_the_limit_only_correctness_is_kept(tmp_path: Path) -> None:
    """185,494 trials of 1,797 examples with 3 bytes are 1 GB, less 1,846 bytes."""
    everything = ["correct", "margin", "prediction"]
    for of_spec, planned_trials, outcomes in (
        (40, 185494, everything),
        (40, 185495, ["correct"]),
        (185494, 50, everything),
        (185495, 50, ["correct"]),  # a pilot
    ):
        (tmp_path / "spec.yaml").write_text(TINY.replace("trials: 40", f"trials: {of_spec}"))
        store = tmp_path / f"{of_spec}-{planned_trials}"
        planned = mempipe("plan", tmp_path / "spec.yaml", "--store", store, "--trials", str(planned_trials))
        assert json.loads((run_folder(store) / "run.json").read_text())["spec"]["outcomes"] == outcomes
        hint = "a new run keeps them if its spec has `outcomes: [correct, margin, prediction]`"
        assert (hint in " ".join(planned.stderr.split())) == (outcomes == ["correct"])
