"""Bad input: one clear error, its exit code, no traceback, nothing changed."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from mempipe.cli.main import run

SPEC = (Path(__file__).parents[2] / "specs" / "digits.yaml").read_text()
RANDOM = np.random.default_rng(0)


class Refused(Protocol):
    def __call__(self, *arguments: str | Path, says: str) -> None: ...


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command in this process and checks that it ends with one clear, permanent error that says `says`."""

    def check(*arguments: str | Path, says: str) -> None:
        code = run([str(argument) for argument in arguments])
        stderr = capfd.readouterr().err
        assert code == 20, stderr
        assert "Traceback" not in stderr
        assert len([line for line in stderr.splitlines() if line.startswith("Error: ")]) == 1, stderr
        assert "Hint: " in stderr
        assert says in stderr, stderr

    return check


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seed: 0", "sead: 0", "sead is an unknown key"),
        ("name: digits\nmodel", "name: digitz\nmodel", "data.name is 'digitz'"),
        ("name: digits\nmodel", "name: digits\n  depth: 3\nmodel", "data.depth is an unknown key"),
        ("name: mlp", "name: mpl", "model.name is 'mpl'"),
        ("hidden: [64]", "hiden: [64]", "model.hiden is an unknown key"),
        ("ratio: 0.7", "ratio: 0.0001", "subsets.ratio"),
        ("trials: 500", "trials: 0", "trials is 0"),
    ],
)
def test_a_wrong_spec_changes_nothing(refused: Refused, tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in SPEC
    spec = tmp_path / "x.yaml"
    spec.write_text(SPEC.replace(old, new, 1))
    refused("plan", spec, "--store", tmp_path / "store", says=says)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plan", "nowhere.yaml", "--store", "STORE"], "nowhere.yaml is missing"),
        (["plan", "SPEC", "--store", "STORE", "--trials", "0"], "--trials"),
        (["run", "SPEC", "--store", "STORE", "--workers", "0"], "--workers"),
        (["plan", "SPEC"], "--store"),
        (["plan", "SPEC", "--store", "s3://bucket/x"], "s3"),
        (["plan", "SPEC", "--store", "/proc/nothing"], "/proc/nothing"),
        (["plan", "SPEC", "--store", "SPEC"], "x.yaml"),
        (["train", "STORE", "--trials", "0:10"], "has no run.json"),
        (["train", "STORE", "--trials", "10:0"], "expected A:B"),
        (["train", "STORE", "--trials", "0:99999999999"], "expected A:B"),
        (["plan", "SPEC", "--store", "STORE", "--trials", "99999999999"], "--trials"),
        (["plan", "SPEC", "--store", "STORE", "--request", "../x"], "../x"),
        (["run", "SPEC", "--store", "STORE", "--name", "Bad Name"], "'Bad Name'"),
        (["aggregate", "STORE"], "has no run.json"),
        (["publish", "STORE"], "has no run.json"),
        (["validate", "STORE"], "has no run.json"),
        (["show", "STORE"], "STORE"),
        (["pairs", "STORE", "--mem", "2"], "--mem"),
        (["fly"], "No such command"),
    ],
)
def test_a_wrong_command_changes_nothing(refused: Refused, tmp_path: Path, arguments: list[str], says: str) -> None:
    spec = tmp_path / "x.yaml"
    spec.write_text(SPEC)
    store = tmp_path / "STORE"
    words = {"SPEC": str(spec), "STORE": str(store)}
    refused(*(words.get(word, word) for word in arguments), says=says)
    assert not store.exists()


def arrays(folder: Path, **changes: np.ndarray) -> list[str | Path]:
    """The options of `mempipe score` for a small set of predictions, some of them replaced."""
    t, n_train, n_test = 12, 30, 20
    values = {
        "subset-mask": RANDOM.random((t, n_train)) < 0.7,
        "train-correct": RANDOM.random((t, n_train)) < 0.9,
        "test-correct": RANDOM.random((t, n_test)) < 0.9,
        "train-labels": np.arange(n_train) % 3,
        "test-labels": np.arange(n_test) % 3,
    } | changes
    options: list[str | Path] = []
    for name, value in values.items():
        np.save(folder / f"{name}.npy", value)
        options += [f"--{name}", folder / f"{name}.npy"]
    return [*options, "--name", "theirs", "--out", folder / "out"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"train-labels": np.zeros(29, dtype=int)}, "train-labels"),
        ({"test-labels": np.zeros(21, dtype=int)}, "test-labels"),
        ({"train-labels": np.zeros(30)}, "expected integers"),
        ({"train-correct": np.ones((11, 30), dtype=bool)}, "train-correct"),
        ({"train-correct": np.full((12, 30), 2, dtype=np.int64)}, "train-correct"),
        ({"subset-mask": np.full((12, 30), 0.5)}, "subset-mask"),
        ({"subset-mask": np.ones((12,), dtype=bool)}, "subset-mask"),
        ({"subset-mask": np.ones((0, 30), dtype=bool)}, "trial"),
        ({"train-labels": np.arange(30) - 1}, "train-labels"),
        ({"train-labels": np.arange(30) % 2}, "label 2"),
        ({"train-labels": np.r_[np.arange(29) % 3, 2**40]}, "label 3"),
    ],
)
def test_wrong_predictions_change_nothing(
    refused: Refused, tmp_path: Path, changes: dict[str, np.ndarray], says: str
) -> None:
    refused("score", *arrays(tmp_path, **changes), says=says)
    assert not (tmp_path / "out").exists()


def test_damaged_prediction_files_change_nothing(refused: Refused, tmp_path: Path) -> None:
    options = arrays(tmp_path)
    mask = tmp_path / "subset-mask.npy"
    whole = mask.read_bytes()
    for content in (whole[:-7], b"", b"no numpy", pickle.dumps([1, 2])):
        mask.write_bytes(content)
        refused("score", *options, says="subset-mask.npy")
    np.save(mask, np.array([object()]), allow_pickle=True)
    refused("score", *options, says="pickle")
    mask.unlink()
    refused("score", *options, says="subset-mask.npy")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_things_is_not_written_to(refused: Refused, tmp_path: Path) -> None:
    options = arrays(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    refused("score", *options, says="out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """In a process of its own, in which nothing was imported before."""
    (tmp_path / "x.yaml").write_text(SPEC)
    assert run(["plan", str(tmp_path / "x.yaml"), "--store", str(tmp_path / "store")]) == 0
    (folder,) = (tmp_path / "store" / "runs").iterdir()
    code = "import sys\nsys.modules |= {'keras': None, 'tensorflow': None}\nfrom mempipe.cli.main import main\nmain()"
    command = [sys.executable, "-c", code, "train", str(folder), "--trials", "0:10"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 20, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Hint: pip install 'mempipe[train]'" in ended.stderr
    assert not (folder / "shards").exists()
