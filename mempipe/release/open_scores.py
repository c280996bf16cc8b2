"""Opens scores, wherever they lie: a release, or a folder with files in the format of the paper's authors."""

import os
from pathlib import Path
from typing import Final

from mempipe.data.fetch import is_remote
from mempipe.errors import InputError
from mempipe.places import LATEST, MANIFEST
from mempipe.release.authors_folder import AuthorsFolder
from mempipe.release.load import load_release
from mempipe.release.scores import Scores
from mempipe.tables.parquet import table_file

_PATTERNS: Final = {
    "matrix": "*_infl_matrix.npz",
    "pairs": "*_high_infl_pairs_infl*_mem*.npz",
    "index": "*_index.npz",
}


def open_scores(uri: str | os.PathLike[str]) -> Scores:
    """Open a release, or a folder that has only npz files in the format of the paper's authors.

    Args:
        uri: as of `load_release`; or a local folder with the authors' files of one data set, under their own names.

    Raises:
        ReleaseError: there are neither, or a release is damaged or of an unknown schema.
        InputError: the folder has two of the authors' files of one kind, or a name without thresholds.

    Example:
        >>> scores = mempipe.open_scores("downloads/cifar100")  # doctest: +SKIP
        >>> scores.select_pairs(mem=0.25, infl=0.15).to_pandas()  # doctest: +SKIP
    """
    place = os.fspath(uri)
    return find_authors_files(place) or load_release(place)


def find_authors_files(uri: str) -> AuthorsFolder | None:
    """Return the authors' files of a local folder; None where there are none, or where it is a release.

    A release that lacks its manifest was never finished, and is not taken for them.

    Args:
        uri: path or `file://`; of any other kind of store the answer is None.

    Raises:
        InputError: there are two files of one kind, so that it is unclear which is meant.
    """
    folder = Path(uri.removeprefix("file://")).expanduser()
    if is_remote(uri) or not folder.is_dir():
        return None
    if any((folder / name).exists() for name in (MANIFEST, LATEST, table_file("examples"))):
        return None
    paths: dict[str, Path] = {}
    for kind, pattern in _PATTERNS.items():
        files = sorted(folder.glob(pattern))
        if len(files) > 1:
            raise InputError(
                f"Files of a data set are not clear: {folder} has {files[0].name} and {files[1].name}, "
                "expected one of a kind.",
                hint="put the files of each data set into a folder of their own.",
            )
        if files:
            paths[kind] = files[0]
    return AuthorsFolder(folder, paths) if paths else None
