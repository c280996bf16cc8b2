"""A trial of an own trainer whose processes are all killed continues from its checkpoint, with the same bytes."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mempipe.storage.memory import MemoryStore, open_uri
from mempipe.training.checkpoints import Checkpoint, Checkpoints, FileCheckpoint
from mempipe.training.own import Predictions, Trials
from mempipe.training.own.folder import TaskFolder
from mempipe.training.trainer import open_trainer
from tests.command import mempipe, run_folder
from tests.own.worlds import CODE, spec, world

PROGRAM = json.dumps([sys.executable, str(CODE / "stepwise.py")])


@pytest.mark.parametrize("form", ['entry: "stepwise:train"', f"command: {PROGRAM}"])
def test_a_killed_trial_resumes_to_the_same_bytes(form: str, tmp_path: Path) -> None:
    spec = tmp_path / "stepwise.yaml"
    trainer = f'{{kind: own, {form}, version: "1", checkpoint_minutes: 0.002}}'
    spec.write_text(
        f"name: stepwise\ndata: {{name: digits}}\ntrainer: {trainer}\noutcomes: [correct, margin]\ntrials: 1\n"
    )
    shards = []
    for store, kill in ((tmp_path / "whole", False), (tmp_path / "killed", True)):
        mempipe("plan", spec, "--store", store)
        run = run_folder(store)
        if kill:
            _kill_after_a_checkpoint(run)
            assert not list(run.glob("shards/*.npz"))
        done = mempipe("train", run, "--trials", "0:1")
        assert ("trial 0 resumes from its checkpoint" in done.stderr) == kill
        assert not list(run.glob("checkpoints/**/*.npz"))  # removed when the shard is committed
        (shard,) = run.glob("shards/*.npz")
        shards.append(shard.read_bytes())
    assert shards[0] == shards[1]


def _kill_after_a_checkpoint(run: Path) -> None:
    command = [sys.executable, "-m", "mempipe", "train", str(run), "--trials", "0:1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(run.glob("checkpoints/**/*.npz")) and time.monotonic() < deadline:
        time.sleep(0.02)
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()  # the trainer's process ended with its parent
    assert list(run.glob("checkpoints/**/*.npz"))


@pytest.fixture
def store(request: pytest.FixtureRequest) -> MemoryStore:
    return open_uri(f"memory://own-{request.node.name.replace('_', '-')}")


def test_a_function_of_this_process_resumes_too(store: MemoryStore) -> None:
    """And what it reports cannot break the count of what is done."""
    begun: list[int] = []
    declared = spec(entry="here:train", output="correctness", checkpoint_minutes=1e-9)

    def write(step: int, folder: Path) -> None:
        (folder / ".state").mkdir()
        (folder / ".state" / "step").write_text(str(step))

    def fail(folder: Path) -> None:
        (folder / "unfinished").write_bytes(b"x")
        raise OSError("the disk is full")

    def train(trials: Trials, stop: int | None) -> Iterator[Predictions]:
        for trial in trials:
            first = int((trial.checkpoint / ".state" / "step").read_text()) if trial.checkpoint else 0
            begun.append(first)
            for step in range(first, 4):
                if step == stop:
                    raise KeyboardInterrupt
                if step == 0:
                    with pytest.raises(OSError, match="full"):
                        trial.save_checkpoint(fail)
                trial.save_checkpoint(partial(write, step + 1))
            for fraction in (0.5, 0.25, float("nan"), 7.0, -1.0):
                trial.progress(fraction)
            yield trial.correctness(np.ones(trial.n_train, bool), np.ones(trial.n_test, bool))
            trial.progress(1)

    interrupted, resumed = (
        open_trainer(
            declared, world(), trials=[0, 1], checkpoints=Checkpoints(store), function=partial(train, stop=stop)
        )
        for stop in (2, None)
    )
    advances: list[float] = []
    with pytest.raises(KeyboardInterrupt):
        list(interrupted.train([0, 1], lambda _: None))
    assert len(list(resumed.train([0, 1], advances.append))) == 2
    assert sum(advances) == pytest.approx(2)
    assert begun == [0, 2, 0]


def test_files_come_back_and_hostile_names_do_not(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    checkpoints, key = Checkpoints(store), "a" * 64
    files = {"state.pt": b"\x00\x01", "optimizer/state.pt": b"", "step": b"7"}
    checkpoints.save_files(3, FileCheckpoint(1, files), run_key=key)
    kept = checkpoints.latest_files(3, run_key=key)
    assert kept is not None
    assert (kept.number, kept.files) == (1, files)
    assert checkpoints.latest_files(3, run_key="b" * 64) is None
    for number, name in ((2, "../outside"), (3, "/etc/passwd")):
        checkpoints.save_files(3, FileCheckpoint(number, {name: b"x"}), run_key=key)
    assert checkpoints.latest_files(3, run_key=key) is None  # the good one was the third newest
    checkpoints.save(3, Checkpoint(4, [np.zeros(2)]), run_key=key)  # of a built-in trainer
    assert checkpoints.latest_files(3, run_key=key) is None
    assert len(caplog.records) == 1 + 2 + 2


def test_a_checkpoint_that_changes_while_it_is_read_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = TaskFolder({}, world().train_labels, world().test_labels)
    trial = folder.open(0, seed=1, subset=np.arange(3), files={"state": b"old"})
    checkpoint = trial / "checkpoint"
    (checkpoint / ".new").write_bytes(b"unfinished")
    (checkpoint / "link").symlink_to("/etc/passwd")
    assert folder.checkpoint_files(0, hidden=False) == {"state": b"old"}
    assert folder.checkpoint_files(0, hidden=True) == {"state": b"old", ".new": b"unfinished"}
    read = Path.read_bytes

    def read_and_change(path: Path) -> bytes:
        content = read(path)
        path.write_bytes(content + b"more")
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_change)
    assert folder.checkpoint_files(0, hidden=False) is None
