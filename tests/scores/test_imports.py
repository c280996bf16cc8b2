"""Who reads scores needs numpy alone."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["tally", "estimate", "pairs"])
def test_scores_are_read_without_a_compiler(module: str) -> None:
    heavy = "{'numba', 'llvmlite', 'tensorflow', 'airflow', 'pandas', 'pyarrow'}"
    code = f"import sys, mempipe.scores.{module}; print(sorted({heavy} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
