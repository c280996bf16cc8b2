"""The wheel, beside the lowest versions that it allows, on each Python that it allows.

It reads and makes releases, and trains by code of the user's own: what an image of one's own needs.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import mempipe as package
from mempipe.spec.folder import spec_files
from tests.command import mempipe, run_folder
from tests.servers import absent

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")

# Runs where no optional package is installed; warnings are errors.
CHECK = """
import sys
import numpy as np
import mempipe
release = mempipe.load_release(sys.argv[1])
release.verify()
arrays = [np.load(f"{sys.argv[2]}/{name}.npy") for name in "mrtlk"]
scores = mempipe.score(*arrays, name="lab", influence="full")
scores.verify()
assert scores.manifest.id == release.manifest.id
assert scores.select_pairs(mem=0, infl=0).equals(release.select_pairs(mem=0, infl=0))
print(np.__version__, mempipe.__file__)
"""


# Exact in any numpy: sums of integers.
NEAREST_MEAN = """
import numpy as np
def train(trials):
    data = trials.dataset
    x, y = data.train_images.reshape(data.n_train, -1).astype(np.int64), data.train_labels
    tests = data.test_images.reshape(data.n_test, -1).astype(np.int64)
    for trial in trials:
        seen = [trial.subset[y[trial.subset] == label] for label in range(data.n_classes)]
        means = np.stack([x[rows].sum(0) // max(len(rows), 1) for rows in seen])
        yield trial.logits(*(-((rows[:, None] - means) ** 2).sum(2).astype(np.float64) for rows in (x, tests)))
"""
NEAREST_MEAN_SPEC = """
name: means
data: {name: npz, path: DATA}
trainer: {kind: own, entry: "nearest_mean:train", version: "1"}
trials: 6
chunk_size: 3
"""


def run(*command: str | Path, modules: Sequence[Path] = ()) -> str:
    """Run a command away from the checkout, with the modules of these folders; return what it prints."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"PYTHONPATH": os.pathsep.join(map(str, modules))} if modules else {}
    process = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")
    assert process.returncode == 0, f"{process.stdout}\n{process.stderr}"
    return process.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release made here, with the arrays that it is made of."""
    folder, random = tmp_path_factory.mktemp("release"), np.random.default_rng(3)
    mask = random.random((200, 40)) < 0.7
    right = random.random((200, 40)) < np.where(mask, 0.95, 0.5)
    arrays = (mask, right, right[:, :20], np.arange(40) % 4, np.arange(20) % 4)
    scores = package.score(*arrays, name="lab", influence="full")
    shutil.copytree(scores.uri, folder / "lab")
    for name, array in zip("mrtlk", arrays, strict=True):
        np.save(folder / f"{name}.npy", array)
    return folder / "lab"


@pytest.fixture(scope="module", params=["3.11", "3.12", "3.13"])
def lowest(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel and the lowest versions of what it requires."""
    version, folder = request.param, tmp_path_factory.mktemp("lowest")
    python = folder / "venv" / "bin" / "python"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    interpreter = next(pyenv.glob(f"{version}.*/bin/python"), version)
    make = [UV, "venv", "--quiet", "--no-python-downloads", "--python", interpreter, folder / "venv"]
    if subprocess.run(make, check=False, capture_output=True).returncode:
        pytest.skip(f"Python {version} is not installed")
    install = [UV, "pip", "install", "--quiet", "--resolution", "lowest-direct", "--python", python]
    installed = subprocess.run([*install, "-r", ROOT / "pyproject.toml"], check=False, capture_output=True, text=True)
    if "Failed to fetch" in installed.stderr or "error sending request" in installed.stderr:
        absent("no package index can be reached")
    assert installed.returncode == 0, installed.stderr
    run(UV, "pip", "install", "--quiet", "--no-deps", "--python", python, wheel)
    return python


def test_the_lowest_versions(lowest: Path, release: Path) -> None:
    printed = run(lowest, "-W", "error", "-c", CHECK, release, release.parent)
    assert printed.startswith("2.2.0 ")
    assert str(lowest.parents[1]) in printed
    command = [lowest, "-W", "error", "-m", "mempipe"]
    assert "high-influence pairs" in run(*command, "show", release)
    assert len(run(*command, "pairs", release, "--mem", "0", "--infl", "0", "--csv").splitlines()) > 50
    files = dict(line.split() for line in run(*command, "specs").splitlines())
    assert {name: Path(file).read_bytes() for name, file in files.items()} == {
        name: file.read_bytes() for name, file in spec_files().items()
    }
    assert (Path(printed.split()[1]).parent / "py.typed").is_file()


def test_training_code_of_ones_own_needs_no_more(lowest: Path, tmp_path: Path) -> None:
    """Planning and validation run in another image: here that is this environment."""
    random = np.random.default_rng(5)
    images = random.integers(0, 256, (90, 4, 4, 1), dtype=np.uint8)
    labels = random.integers(0, 3, 90)
    np.savez(tmp_path / "data.npz", x_train=images[:60], y_train=labels[:60], x_test=images[60:], y_test=labels[60:])
    (tmp_path / "spec.yaml").write_text(NEAREST_MEAN_SPEC.replace("DATA", str(tmp_path / "data.npz")))
    (tmp_path / "nearest_mean.py").write_text(NEAREST_MEAN)
    shards = []
    for name, python, modules in [("image", lowest, [tmp_path]), ("here", sys.executable, [tmp_path, ROOT])]:
        mempipe("plan", tmp_path / "spec.yaml", "--store", tmp_path / name)
        folder = run_folder(tmp_path / name)
        run(python, "-W", "error", "-m", "mempipe", "train", folder, "--trials", "0:6", modules=modules)
        mempipe("validate", folder, "--trials", "0:6")
        shards.append({path.name: path.read_bytes() for path in folder.glob("shards/*.npz")})
    assert len(shards[0]) == 2
    assert shards[0] == shards[1]
