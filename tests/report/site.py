"""Reads the data scripts of a report, as the page does."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

TYPES = {"f8": "<f8", "f4": "<f4", "u4": "<u4", "u2": "<u2"}


def script(report: Path, name: str) -> Any:
    """What a data script sets."""
    text = (report / "data" / f"{name}.js").read_text(encoding="utf-8")
    return json.loads(text.partition(f".{name}=")[2].rstrip(";\n"))


def arrays(report: Path, name: str) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a data script."""
    packed = script(report, name)
    return {key: np.frombuffer(base64.b64decode(text), TYPES[kind]) for key, (kind, text) in packed.items()}
