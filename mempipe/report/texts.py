"""Texts of the examples in sheets: as many as thumbnails in one script, so that a page loads those that it shows."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mempipe.report.packed import write_script
from mempipe.report.sheets import Sheets, layout

_LONGEST: Final = 500
_SHORTEST: Final = 60
_ALL: Final = 16_000_000


def text_limit(n_examples: int) -> int:
    """Return the number of characters to which each text is cut, so that large reports keep to about 16 MB of text."""
    return max(_SHORTEST, min(_LONGEST, _ALL // n_examples))


def write_texts(
    folder: Path,
    part: str,
    texts: tuple[str, ...],
    labels: NDArray[np.int64],
    priority: NDArray[np.float64],
    *,
    limit: int,
) -> Sheets:
    """Write the texts of one part.

    Args:
        folder: folder of the files.
        part: `train` or `test`; prefix of their names.
        texts: one for each example.
        labels: int64 (n,); each class has its own sheets.
        priority: float64 (n,); sorts a class in descending order, with NaN last.
        limit: characters of a text, at most; a longer one ends with `…`.
    """
    files: list[str] = []
    slot, groups = layout(labels, priority)
    for number, chosen in enumerate(groups):
        name = f"{part}-{number:05d}.js"
        write_script(folder / name, "sheet", [shortened(texts[idx], limit) for idx in chosen])
        files.append(name)
    return Sheets(slot, files, [len(chosen) for chosen in groups])


def shortened(text: str, limit: int) -> str:
    """Return the beginning of a text, as valid Unicode."""
    cut = text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
    return cut.encode(errors="replace").decode()
