"""`python -m benchmarks.report`: a report of MNIST's size, 60,000 + 10,000 images and thousands of pairs.

The release is made by `mempipe score` from random predictions with planted memorization and influence; the images are
random strokes, or those of `--data`, whose labels are then used. Then the report is opened in a browser.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any, Optional

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.browsing import browse

N_TRAIN, N_TEST, N_CLASSES, SIDE = 60_000, 10_000, 10, 28
N_TRIALS = 1000
N_HELPED = 5_000
"""Test examples that each two training examples influence."""
_MEASURED = """
import sys
from mempipe.cli.main import run
code = run(sys.argv[1:])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))  # of this program alone
sys.exit(code)
"""
BOUNDS = {"seconds": 120, "peak_mb": 2000, "first view, worst, seconds": 2, "total_mb": 60}


def main(
    data: Annotated[Optional[Path], typer.Option(help="An npz of that size instead of drawn images.")] = None,  # noqa: UP045
    keep: Annotated[Optional[Path], typer.Option(help="A folder for release and report.")] = None,  # noqa: UP045
) -> None:
    """Print time, peak memory, size and what a browser takes as JSON, and whether each bound holds."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        images = data or _draw(folder / "images.npz")
        release = _release(folder, images)
        measures = measure(release, images, folder / "report") | browse(folder / "report")
        print(json.dumps(measures, indent=1))
        measures["first view, worst, seconds"] = measures["first_view_seconds"]["worst"]
        for name, bound in BOUNDS.items():
            print(f"{name}: {measures[name]}, {'within' if measures[name] <= bound else 'ABOVE'} the bound {bound}")


def measure(release: Path, images: Path, out: Path) -> dict[str, Any]:
    """Build the report in a process of its own."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-c", _MEASURED, "report", str(release), "--data", str(images), "--out", str(out)]
    begun = time.perf_counter()
    process = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - begun
    sizes = {path.relative_to(out).as_posix(): path.stat().st_size for path in out.rglob("*") if path.is_file()}
    by_folder: dict[str, int] = {}
    for name, size in sizes.items():
        by_folder[name.split("/")[0]] = by_folder.get(name.split("/")[0], 0) + size
    return {
        "seconds": round(seconds, 1),
        "peak_mb": round(int(process.stdout.split()[-2]) * 1024 / 1e6),
        "total_mb": round(sum(sizes.values()) / 1e6, 1),
        "mb": {name: round(size / 1e6, 2) for name, size in sorted(by_folder.items())},
        "files": len(sizes),
    }


def _release(folder: Path, images: Path) -> Path:
    """Write predictions in which some examples are memorized and influence some tests, and score them."""
    random = np.random.default_rng(0)
    with np.load(images) as arrays:
        train_labels, test_labels = arrays["y_train"].astype(np.int64), arrays["y_test"].astype(np.int64)
    mask = random.random((N_TRIALS, N_TRAIN), dtype=np.float32) < 0.7
    hard = random.random(N_TRAIN) < 0.05
    held_out = np.where(hard, random.random(N_TRAIN) * 0.7, 0.995).astype(np.float32)
    right = random.random((N_TRIALS, N_TRAIN), dtype=np.float32) < np.where(mask, np.float32(0.999), held_out)
    chance = np.full((N_TRIALS, N_TEST), 0.98, dtype=np.float32)
    for j in random.choice(N_TEST, N_HELPED, replace=False):
        helpers = random.choice(np.flatnonzero(hard & (train_labels == test_labels[j])), 2, replace=False)
        gains = random.dirichlet((1, 1)) * random.uniform(0.3, 0.95)
        chance[:, j] = 0.98 - gains.sum() + mask[:, helpers] @ gains
    arrays_by_option = {
        "subset-mask": mask,
        "train-correct": right,
        "test-correct": random.random(chance.shape, dtype=np.float32) < chance,
        "train-labels": train_labels,
        "test-labels": test_labels,
    }
    options: list[str] = []
    for option, array in arrays_by_option.items():
        np.save(folder / f"{option}.npy", array)
        options += [f"--{option}", str(folder / f"{option}.npy")]
    release = folder / "release"
    command = [sys.executable, "-m", "mempipe", "score", *options, "--name", "synthetic", "--out", str(release)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return release


def _draw(path: Path) -> Path:
    """Draw each image as a curved stroke, about as compressible as a digit."""
    random = np.random.default_rng(1)
    parts = {"train": N_TRAIN, "test": N_TEST}
    arrays: dict[str, NDArray[Any]] = {}
    for part, n in parts.items():
        labels = np.arange(n) % N_CLASSES
        arrays[f"y_{part}"] = labels
        arrays[f"x_{part}"] = np.concatenate([_strokes(random, 500) for _ in range(n // 500)])
    np.savez(path, allow_pickle=False, **arrays)
    return path


def _strokes(random: np.random.Generator, n: int) -> NDArray[np.uint8]:
    points = random.uniform(5, SIDE - 5, (n, 4, 2)).astype(np.float32)
    t = np.linspace(0, 1, 24, dtype=np.float32)
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])  # a Bézier curve
    curve = np.einsum("npc,pt->ntc", points, weights)
    pixels = np.arange(SIDE, dtype=np.float32)
    across = np.exp(-np.square(pixels - curve[..., :1]) / 2)
    down = np.exp(-np.square(pixels - curve[..., 1:]) / 2)
    ink = np.minimum(1.5 * np.max(down[..., :, None] * across[..., None, :], axis=1), 1)
    image: NDArray[np.uint8] = np.where(ink > 0.15, 255 * ink, 0).astype(np.uint8)
    return image


if __name__ == "__main__":
    typer.run(main)
