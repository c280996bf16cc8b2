"""Real data beside the project, for tests that can use it: `MEMPIPE_SHARED`, or `shared` next to the checkout."""

import os
from pathlib import Path

from tests.servers import absent

_ROOT = Path(os.environ.get("MEMPIPE_SHARED") or Path(__file__).parents[3] / "shared")


def real_data(name: str) -> Path:
    """Path of `data/NAME`; the test is skipped where it is not there, or fails in the gate."""
    path = _ROOT / "data" / name
    if not path.exists():
        absent(f"{path} is not here")
    return path
