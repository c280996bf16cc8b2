"""A consumer of releases loads what it needs and no more."""

import subprocess
import sys
from pathlib import Path

import pytest

from mempipe.release.manifest import Manifest

HEAVY = {
    "airflow",
    "google",
    "great_expectations",
    "jinja2",
    "keras",
    "llvmlite",
    "mlcroissant",
    "numba",
    "sklearn",
    "tensorflow",
    "typer",
}


def run(code: str) -> str:
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return process.stdout.strip()


def test_importing_mempipe_imports_nothing() -> None:
    assert run("import sys, mempipe; print(sorted({'numpy', 'pyarrow', 'pydantic'} & set(sys.modules)))") == "[]"


def test_reading_a_release_needs_no_heavy_module(local_release: tuple[Path, Manifest]) -> None:
    code = f"""
import sys, time
begun = time.perf_counter()
import mempipe
release = mempipe.load_release({str(local_release[0])!r})
release.mem, release.influence(0), release.select_pairs(mem=0), release.pairs, release.verify()
print(sorted({HEAVY} & set(sys.modules)), time.perf_counter() - begun)
"""
    modules, seconds = run(code).rsplit(" ", 1)
    assert modules == "[]"
    assert float(seconds) < 10


def test_unknown_names_are_attribute_errors() -> None:
    import mempipe

    with pytest.raises(AttributeError, match="no attribute 'load_releases'"):
        mempipe.load_releases  # noqa: B018
