"""The code of docs/own-trainer.md is run as it stands: scikit-learn, JAX, a program."""

import ast
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from mempipe import load_release
from mempipe.bits import unpack
from tests.command import mempipe, run_folder

PAGE = (Path(__file__).parents[2] / "docs" / "own-trainer.md").read_text()


def blocks(language: str) -> dict[str, str]:
    """The blocks of the page that are files, by name."""
    texts = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    parts = [text.split("\n", 1) for text in texts if text.startswith("# ")]
    return {header.removeprefix("# "): text for header, text in parts}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of the page, on PYTHONPATH; `python3` is this Python."""
    (tmp_path / "lab").mkdir()
    for name, text in {**blocks("python"), **blocks("yaml"), "lab/__init__.py": ""}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / "bin" / "python3").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    return tmp_path


def train(package: Path, name: str, trials: int) -> Path:
    """Plan and train a spec of the page; return the run's folder."""
    mempipe("plan", package / f"{name}.yaml", "--store", package / name, "--trials", str(trials))
    run = run_folder(package / name)
    mempipe("train", run, "--trials", f"0:{trials}")
    return run


def accuracy(run: Path) -> tuple[float, float]:
    """Mean accuracy on the test examples, and on the training examples that a trial saw."""
    test, seen = [], []
    for shard in run.glob("shards/*.npz"):
        with np.load(shard) as arrays:
            test.append(unpack(arrays["test_correct"], int(arrays["n_test"])).mean())
            mask, correct = (unpack(arrays[name], int(arrays["n_train"])) for name in ("subset_mask", "train_correct"))
            seen.append(correct[mask].mean())
    return float(np.mean(test)), float(np.mean(seen))


def test_twenty_lines_of_scikit_learn_reach_a_release(package: Path) -> None:
    run = ("run", package / "logistic.yaml", "--store", package / "store", "--trials", "20", "--workers", "1")
    release = load_release(Path(mempipe(*run).stdout.splitlines()[-1]))
    release.verify()
    assert np.nanmean(release.mem) > 0.01
    assert len(blocks("python")["lab/logistic.py"].splitlines()) <= 20


def test_jax_trains_many_trials_together(package: Path) -> None:
    """Whatever group a trial is trained in, its bytes are the same."""
    run = train(package, "together", 20)
    test, seen = accuracy(run)
    assert test > 0.85
    assert seen > test
    lines = blocks("python")["lab/together.py"].splitlines()
    assert len([line for line in lines if line and "import" not in line]) <= 26
    shard = next((run / "shards").glob("*000005*"))
    content = shard.read_bytes()
    shard.unlink()  # its trials 5 to 9 were trained in the groups 0 to 7 and 8 to 15
    mempipe("train", run, "--trials", "0:20")
    assert shard.read_bytes() == content


def test_a_program(package: Path) -> None:
    test, seen = accuracy(train(package, "program", 6))
    assert 0.75 < test < seen


def test_the_block_that_is_not_run_is_python() -> None:
    assert {"lab/network.py", "lab/together.py", "lab/logistic.py", "lab/program.py"} == blocks("python").keys()
    ast.parse(blocks("python")["lab/network.py"])
