"""A long trial that is killed continues from its checkpoint, with the same bytes."""

import subprocess
import sys
import time
from pathlib import Path

from tests.command import mempipe, run_folder

SPEC = """
name: long
data: {name: digits}
model: {name: small_cnn}
recipe: {epochs: 250, batch_size: 64, learning_rate: 0.02}
trainer: {kind: single, checkpoint_minutes: 0.01}
subsets: {design: balanced, ratio: 0.7}
trials: 1
margins: true
"""


def test_a_killed_trial_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    spec = tmp_path / "long.yaml"
    spec.write_text(SPEC)
    shards = []
    for store, kill in ((tmp_path / "whole", False), (tmp_path / "killed", True)):
        mempipe("plan", spec, "--store", store)
        run = run_folder(store)
        if kill:
            command = [sys.executable, "-m", "mempipe", "train", str(run), "--trials", "0:1"]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 120
            while not list(run.glob("checkpoints/**/*.npz")) and time.monotonic() < deadline:
                time.sleep(0.02)
            process.kill()
            process.wait()
            assert list(run.glob("checkpoints/**/*.npz"))
            assert not list(run.glob("shards/*.npz"))
        done = mempipe("train", run, "--trials", "0:1")
        assert ("resumes" in done.stderr) == kill
        assert not list(run.glob("checkpoints/**/*.npz"))  # removed when the shard is committed
        shards.append((run / "shards" / "trials=000000-000000.npz").read_bytes())
    assert shards[0] == shards[1]
