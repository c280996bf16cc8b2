"""The wheel, beside the lowest versions that it allows, reads and makes releases on each Python that it allows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mempipe as package
from mempipe.spec.folder import spec_files
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


def run(*command: str | Path) -> str:
    """Run a command away from the checkout; return what it prints."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
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


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_lowest_versions(wheel: Path, release: Path, tmp_path: Path, version: str) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    interpreter = next(pyenv.glob(f"{version}.*/bin/python"), version)
    make = [UV, "venv", "--quiet", "--no-python-downloads", "--python", interpreter, tmp_path / "venv"]
    if subprocess.run(make, check=False, capture_output=True).returncode:
        pytest.skip(f"Python {version} is not installed")
    lowest = [UV, "pip", "install", "--quiet", "--resolution", "lowest-direct", "--python", python]
    installed = subprocess.run([*lowest, "-r", ROOT / "pyproject.toml"], check=False, capture_output=True, text=True)
    if "Failed to fetch" in installed.stderr or "error sending request" in installed.stderr:
        absent("no package index can be reached")
    assert installed.returncode == 0, installed.stderr
    run(UV, "pip", "install", "--quiet", "--no-deps", "--python", python, wheel)

    printed = run(python, "-W", "error", "-c", CHECK, release, release.parent)
    assert printed.startswith("2.2.0 ")
    assert str(tmp_path) in printed
    command = [python, "-W", "error", "-m", "mempipe"]
    assert "high-influence pairs" in run(*command, "show", release)
    assert len(run(*command, "pairs", release, "--mem", "0", "--infl", "0", "--csv").splitlines()) > 50
    files = dict(line.split() for line in run(*command, "specs").splitlines())
    assert {name: Path(file).read_bytes() for name, file in files.items()} == {
        name: file.read_bytes() for name, file in spec_files().items()
    }
    assert (Path(printed.split()[1]).parent / "py.typed").is_file()
