"""The demo as a user starts it: a real Airflow, the real DAG, the real command line; twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import mempipe, score_files

pytestmark = pytest.mark.demo

ROOT = Path(__file__).parents[2]
TRIALS = 60


def command(folder: Path, trials: int = TRIALS) -> list[str]:
    places = ["--home", str(folder / "airflow"), "--store", str(folder / "store")]
    return [sys.executable, "-m", "mempipe.orchestration.embedded", "demo", *places, "--trials", str(trials)]


def run(folder: Path, trials: int = TRIALS) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(folder, trials), capture_output=True, text=True, timeout=600, check=False)


def tasks_of(output: str) -> dict[str, str]:
    """Return the last state of each task in the demo's output."""
    words = (line.split("s  ", 1)[1].split(": ", 1) for line in output.splitlines() if "s  " in line and ": " in line)
    return {word[0].strip(): word[1].strip() for word in words}


def left_over(folder: Path) -> list[str]:
    """Return the commands of processes that still know the folder."""
    tasks = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (process / "cmdline").read_bytes() + (process / "environ").read_bytes():
                tasks.append((process / "cmdline").read_text())
        except OSError:
            continue
    return tasks


def test_the_demo_publishes_extends_and_repeats(tmp_path: Path):
    first = run(tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    lines = tasks_of(first.stdout)
    assert lines["train_again"] == lines["validate_again"] == "skipped"
    for task in ("plan", "validate", "aggregate", "publish", "announce"):
        assert lines[task] == "success"
    release = Path(first.stdout.splitlines()[-1].removeprefix("Release: "))
    assert (release / "manifest.json").exists()
    latest = json.loads((tmp_path / "store" / "releases" / "digits" / "latest.json").read_text())
    assert latest["release"] == release.name
    assert left_over(tmp_path) == []
    spec = ROOT / "specs" / "digits.yaml"
    alone = mempipe("run", spec, "--store", tmp_path / "alone", "--trials", str(TRIALS)).stdout.splitlines()[-1]
    assert Path(alone).name == release.name  # the id ends with the content digest

    second = run(tmp_path)
    assert second.returncode == 0, second.stdout + second.stderr
    lines = tasks_of(second.stdout)
    assert lines["train"] == "skipped"
    assert lines["announce"] == "skipped"  # the same release is no news
    assert second.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]

    third = run(tmp_path, trials=2 * TRIALS)
    assert third.returncode == 0, third.stdout + third.stderr
    assert tasks_of(third.stdout)["announce"] == "success"
    assert third.stdout.splitlines()[-1] != first.stdout.splitlines()[-1]


def test_an_interrupted_demo_leaves_nothing_running_and_goes_on(tmp_path: Path):
    demo = subprocess.Popen(command(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in demo.stdout or ():
        if "train: " in line and "running" in line:
            break
    time.sleep(1)
    demo.send_signal(signal.SIGTERM)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 128 + signal.SIGINT, output
    assert "what was committed is kept" in output
    assert left_over(tmp_path) == []
    again = run(tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr


def test_training_code_of_ones_own_is_killed_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The example of images/own-trainer gives the bytes of the command line, whenever it was interrupted."""
    example = ROOT / "images" / "own-trainer"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(example), *filter(None, [os.environ.get("PYTHONPATH")])]))
    own = [*command(tmp_path), "--spec", str(example / "spec.yaml")]
    demo = subprocess.Popen(own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    committed = None
    while committed is None and demo.poll() is None:
        committed = next((tmp_path / "store").glob("runs/*/shards/*.npz"), None)
        time.sleep(0.05)
    demo.send_signal(signal.SIGTERM)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 128 + signal.SIGINT, output
    assert left_over(tmp_path) == []
    assert not (tmp_path / "store" / "releases").exists(), output

    again = subprocess.run(own, capture_output=True, text=True, timeout=600, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    release = Path(again.stdout.splitlines()[-1].removeprefix("Release: "))
    alone = mempipe("run", example / "spec.yaml", "--store", tmp_path / "alone", "--trials", str(TRIALS))
    expected = Path(alone.stdout.splitlines()[-1])
    assert release.name == expected.name
    assert score_files(release) == score_files(expected)


def test_a_failed_task_shows_the_end_of_its_log(tmp_path: Path):
    spec = tmp_path / "wrong.yaml"
    spec.write_text("name: wrong\nno_such_key: 1\n")
    done = subprocess.run(
        [*command(tmp_path), "--spec", str(spec)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 20
    assert "Task plan failed in try 1" in done.stderr  # permanent: not tried again
    assert "no_such_key" in done.stderr
    assert "attempt=1.log" in done.stderr
    assert left_over(tmp_path) == []
    assert not (tmp_path / "store" / "runs").exists()
