"""Data as script files, because a page that is opened as a file can load scripts but cannot fetch."""

import base64
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_KINDS: Final = {
    np.dtype("<f8"): "f8",
    np.dtype("<f4"): "f4",
    np.dtype("<u4"): "u4",
    np.dtype("<u2"): "u2",
}


def compact(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in the smallest sufficient type.

    Scores that are compared with a threshold (`mem`, `infl`) stay float64, so that the page and Python select the same
    pairs; other floats become float32. Integers become uint16 if they fit, else uint32.
    """
    if np.issubdtype(array.dtype, np.floating):
        return array.astype("<f8" if name in {"mem", "infl"} else "<f4")
    largest = int(array.max()) if array.size else 0
    return array.astype("<u2" if largest < 2**16 else "<u4")


def pack(arrays: dict[str, NDArray[Any]]) -> dict[str, list[str]]:
    """Return arrays as [type, base64 of the little-endian values]."""
    packed = {}
    for name, array in arrays.items():
        small = np.ascontiguousarray(compact(name, array))
        packed[name] = [_KINDS[small.dtype], base64.b64encode(small.tobytes()).decode()]
    return packed


def write_script(path: Path, name: str, value: Any) -> None:
    """Write a script that sets `MEMPIPE.{name}` to a JSON value; NaN is refused."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    path.write_text(f"(globalThis.MEMPIPE??={{}}).{name}={text};\n", encoding="utf-8")
