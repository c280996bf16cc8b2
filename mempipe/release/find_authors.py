"""Finds the npz files of the paper's authors in a folder that has no manifest."""

from pathlib import Path
from typing import Final

from mempipe.data.fetch import is_remote
from mempipe.errors import InputError
from mempipe.places import LATEST, MANIFEST
from mempipe.release.authors_folder import AuthorsFolder
from mempipe.tables.parquet import table_file

_PATTERNS: Final = {
    "matrix": "*_infl_matrix.npz",
    "pairs": "*_high_infl_pairs_infl*_mem*.npz",
    "index": "*_index.npz",
}


def find_authors_files(uri: str) -> AuthorsFolder | None:
    """Return the authors' files of a local folder; None where there are none, or where it is a release.

    A release that lacks its manifest was never finished, and is not taken for them.

    Args:
        uri: path or `file://`; of any other kind of store the answer is None.

    Raises:
        InputError: there are two files of one kind, so that it is unclear which is meant.
    """
    folder = Path(uri.removeprefix("file://"))
    if is_remote(uri) or not folder.is_dir():
        return None
    if any((folder / name).exists() for name in (MANIFEST, LATEST, table_file("examples"))):
        return None
    found: dict[str, Path] = {}
    for kind, pattern in _PATTERNS.items():
        files = sorted(folder.glob(pattern))
        if len(files) > 1:
            raise InputError(
                f"Files of a data set are not clear: {folder} has {files[0].name} and {files[1].name}, "
                "expected one of a kind.",
                hint="put the files of each data set into a folder of their own.",
            )
        if files:
            found[kind] = files[0]
    return AuthorsFolder(folder, found) if found else None
