"""`mempipe.score` on arrays: the scores of the command, with no optional package, in an object that cleans up."""

import gc
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import mempipe as package
from mempipe.errors import InputError
from tests.command import mempipe, score_files

NAMES = ("subset_mask", "train_correct", "test_correct", "train_labels", "test_labels")


@pytest.fixture(scope="module")
def arrays() -> dict[str, NDArray[np.generic]]:
    random = np.random.default_rng(5)
    mask = random.random((300, 40)) < 0.7
    train_labels, test_labels = np.arange(40) % 4, np.arange(24) % 4
    right = random.random((300, 40)) < np.where(mask, 0.95, 0.6)
    tests = random.random((300, 24)) < np.where(mask[:, :24], 0.9, 0.5)
    return dict(zip(NAMES, (mask, right, tests, train_labels, test_labels), strict=True))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def write(arrays: dict[str, NDArray[np.generic]], folder: Path) -> dict[str, Path]:
    files = {name: folder / f"{name}.npy" for name in arrays}
    for name, array in arrays.items():
        np.save(files[name], array)
    return files


def test_a_learner_whose_scores_are_known(temporary: Path) -> None:
    """All subsets of 4 of 6: a model that is right iff it saw example 0 has mem[0] = 1, all else -1 / 5."""
    mask = np.array([[i in subset for i in range(6)] for subset in itertools.combinations(range(6), 4)])
    right = np.repeat(mask[:, :1], 6, axis=1)
    scores = package.score(mask.tolist(), right.astype(int), right, [0] * 6, np.zeros(6, dtype=np.uint8))
    np.testing.assert_allclose(scores.mem, [1, *[-1 / 5] * 5], atol=1e-15)
    np.testing.assert_allclose(scores.influence(0).infl, np.repeat(scores.mem[:, None], 6, axis=1), atol=1e-15)
    assert scores.manifest.validation is None
    (folder,) = temporary.iterdir()
    assert str(folder) in scores.uri
    del scores
    gc.collect()
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("influence", ["class", "full"])
def test_arrays_files_and_the_command_give_one_release(
    arrays: dict[str, NDArray[np.generic]], tmp_path: Path, influence: str
) -> None:
    files = write(arrays, tmp_path)
    options = [part for name, path in files.items() for part in (f"--{name.replace('_', '-')}", path)]
    mempipe("score", *options, "--name", "lab", "--out", tmp_path / "command", "--influence", influence)
    first = package.score(**arrays, name="lab", out=tmp_path / "arrays", influence=influence)
    assert score_files(tmp_path / "arrays") == score_files(tmp_path / "command")
    assert first.manifest.validation == json.loads((tmp_path / "command" / "manifest.json").read_text())["validation"]
    mapped = package.score(*map(str, files.values()), name="lab", influence=influence)
    assert mapped.manifest.id == first.manifest.id
    mapped.verify()
    assert mapped.select_pairs(mem=0, infl=0).equals(first.select_pairs(mem=0, infl=0))


def test_optional_packages_are_not_needed(arrays: dict[str, NDArray[np.generic]], tmp_path: Path) -> None:
    files = write(arrays, tmp_path)
    code = (
        "import sys\n"
        "for name in ('numba', 'great_expectations', 'mlcroissant', 'sklearn', 'PIL', 'keras'):\n"
        "    sys.modules[name] = None\n"
        "import mempipe\n"
        "release = mempipe.score(*sys.argv[2:], name='lab', out=sys.argv[1])\n"
        "release.verify()\n"
        "print(release.manifest.validation, sorted(file.path for file in release.manifest.files))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "plain"), *map(str, files.values())]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed.startswith("None [")
    assert "croissant.json" not in printed
    package.score(**arrays, name="lab", out=tmp_path / "all")
    assert score_files(tmp_path / "plain") == score_files(tmp_path / "all")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"train_correct": np.ones((300, 39))},
            r"train_correct is \(300, 39\), expected 300 trials of subset_mask x 40",
        ),
        ({"test_correct": np.full((300, 24), 0.5)}, "test_correct is float64 with other values than 0 and 1"),
        ({"train_labels": np.arange(40) % 4 * 1.0}, r"train_labels is float64 \(40,\)"),
        ({"test_labels": "nowhere.npy"}, "test-labels nowhere.npy is missing"),
        ({"influence": "all"}, "--influence is 'all', expected class or full"),
        ({"name": "../x"}, "Name cannot be used: it is '../x'"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    arrays: dict[str, NDArray[np.generic]], temporary: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        package.score(**(arrays | change))
    assert not list(temporary.iterdir())
