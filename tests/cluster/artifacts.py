"""Where the cluster tests leave what a person looks at after them: screenshots, logs, the state of a failed cluster."""

import os
from pathlib import Path


def artifacts(*parts: str) -> Path:
    """Return a folder below `MEMPIPE_TEST_ARTEFACTS` (by default `build/cluster`), created if it does not exist."""
    folder = Path(os.environ.get("MEMPIPE_TEST_ARTEFACTS", "build/cluster")).joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
