"""A run continues when its data has moved to another path, because the fingerprint is equal."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.command import mempipe, run_folder

SPEC = """
name: moved
data: {{name: npz, path: {path}}}
model: {{name: mlp, hidden: [4]}}
recipe: {{epochs: 1, batch_size: 8, learning_rate: 0.05}}
trainer: {{kind: ensemble, width: 5}}
trials: 5
chunk_size: 5
"""


def test_a_run_goes_on_with_its_data_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (40, 4, 4), dtype=np.uint8), np.arange(40) % 2
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", x_train=images[:30], y_train=labels[:30], x_test=images[30:], y_test=labels[30:])
    Path("spec.yaml").write_text(SPEC.format(path="data.npz"))
    mempipe("plan", "spec.yaml", "--store", "store")
    run = run_folder(tmp_path / "store")
    monkeypatch.chdir("/")
    mempipe("train", run, "--trials", "0:5")
    monkeypatch.chdir(tmp_path)
    os.renames("data.npz", "elsewhere/numbers.npz")
    refused = mempipe("train", run, "--trials", "5:6", code=20)
    assert "data.npz is missing" in refused.stderr
    Path("spec.yaml").write_text(SPEC.format(path="elsewhere/numbers.npz"))
    assert mempipe("plan", "spec.yaml", "--store", "store", "--trials", "10").stdout.strip() == str(run)
    mempipe("train", run, "--trials", "0:10")
    assert len(list((run / "shards").iterdir())) == 2
