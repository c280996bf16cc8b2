"""The authors' files of a small release, copied and changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mempipe.release.authors_folder import AuthorsFolder
from mempipe.release.open_scores import find_authors_files

MATRIX, PAIRS, INDEX = "tiny_infl_matrix.npz", "tiny_high_infl_pairs_infl0.15_mem0.25.npz", "tiny_index.npz"

Copied = Callable[..., Path]


def open_authors(folder: Path) -> AuthorsFolder:
    files = find_authors_files(str(folder))
    assert files is not None
    return files


def change(path: Path, **arrays: Any) -> None:
    """Replace arrays of a file; None removes one."""
    with np.load(path) as archive:
        content = dict(archive) | arrays
    np.savez(path, **{name: array for name, array in content.items() if array is not None})
