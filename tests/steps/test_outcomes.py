"""Both trainers leave the outcomes that the spec declares, and their shards pass validation."""

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
    spec.write_text(spec.read_text().replace(outcomes, ""))
    replanned = mempipe("plan", spec, "--store", tmp_path / "store")
    assert "the run exists: it keeps chunk_size 10, outcomes correct, margin, prediction" in replanned.stderr
