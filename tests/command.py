"""Runs `mempipe` as a user would, and looks at what it left."""

import os
import subprocess
import sys
from pathlib import Path


def mempipe(*arguments: str | Path, code: int = 0, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would and check its exit code."""
    command = [sys.executable, "-m", "mempipe", *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env=os.environ)
    assert process.returncode == code, (
        f"exit code {process.returncode}, expected {code}\n{process.stdout}\n{process.stderr}"
    )
    return process


def run_folder(store: Path) -> Path:
    """The folder of the only run."""
    (folder,) = (store / "runs").iterdir()
    return folder


def score_files(release: Path) -> dict[str, bytes]:
    """The bytes of every score file of a release, by name."""
    return {
        path.relative_to(release).as_posix(): path.read_bytes()
        for path in sorted(release.rglob("*"))
        if path.suffix in {".npz", ".parquet"} and path.name != "trials.parquet"
    }
