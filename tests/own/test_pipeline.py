"""An own trainer through the command line, from the spec to the release, where TensorFlow is not installed."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from mempipe import load_release
from tests.command import mempipe, run_folder, score_files
from tests.own.worlds import CODE

NEAREST = """
name: nearest
data: {name: digits}
trainer: {kind: own, entry: "nearest:train", version: "1", params: {scale: 2.0}}
outcomes: [correct, margin, prediction]
subsets: {design: balanced}
seed: 3
trials: 20
chunk_size: 5
task_size: 2
"""


@pytest.fixture
def without_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorflow", "keras"):
        (tmp_path / "absent").mkdir(exist_ok=True)
        (tmp_path / "absent" / f"{name}.py").write_text("raise SystemExit('imported')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "absent"), prepend=os.pathsep)


@pytest.mark.usefixtures("without_tensorflow")
def test_from_a_function_to_a_release(tmp_path: Path) -> None:
    spec, store = tmp_path / "nearest.yaml", tmp_path / "store"
    spec.write_text(NEAREST)
    path = Path(mempipe("run", spec, "--store", store, "--workers", "2").stdout.splitlines()[-1])
    release = load_release(path)
    release.verify()
    assert release.manifest.n_trials == 20
    assert release.manifest.spec is not None
    assert release.manifest.spec["trainer"]["entry"] == "nearest:train"
    assert np.nanmean(release.mem) > 0
    before = score_files(path)
    shard = next((run_folder(store) / "shards").glob("*000005*"))
    content = shard.read_bytes()
    shard.unlink()
    mempipe("run", spec, "--store", store, "--workers", "1")
    assert shard.read_bytes() == content
    assert score_files(path) == before
    sidecar = json.loads(next((run_folder(store) / "sidecars").iterdir()).read_text())
    assert sidecar["device"] == "cpu"
    assert all(seconds > 0 for seconds in sidecar["seconds"].values())


@pytest.mark.usefixtures("without_tensorflow")
def test_a_failure_reaches_the_user_and_commits_nothing(tmp_path: Path) -> None:
    command = json.dumps([sys.executable, str(CODE / "program.py")])
    spec, store = tmp_path / "fails.yaml", tmp_path / "store"
    trainer = f'{{kind: own, command: {command}, version: "1", params: {{how: "20"}}}}'
    spec.write_text(f"name: fails\ndata: {{name: digits}}\ntrainer: {trainer}\ntrials: 4\nchunk_size: 4\n")
    failed = mempipe("run", spec, "--store", store, code=20)
    assert "trial 2 of trainer" in failed.stderr
    assert "leaving" in failed.stderr
    assert not (run_folder(store) / "shards").exists()
