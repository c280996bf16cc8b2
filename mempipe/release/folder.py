"""A release in a local folder, for `mempipe score --out DIR`; a folder with other content is refused."""

from pathlib import Path
from typing import Final

from mempipe.errors import InputError
from mempipe.places import MANIFEST, TALLIES
from mempipe.release.formats import index_file, matrix_file
from mempipe.release.manifest import Manifest
from mempipe.release.publish import Outcome, commit_release
from mempipe.storage.local import LocalStore
from mempipe.storage.protocol import HIDDEN
from mempipe.tables.parquet import table_file
from mempipe.tables.schema import ESTIMATES, TABLES

_STAGING_0_1: Final = ".staging-"
"""What an attempt of mempipe 0.1 that was killed left in the folder."""


def check_folder(folder: Path, *, name: str) -> Manifest | None:
    """Check that a release may be written into `folder`, before anything is computed.

    Args:
        folder: absent, empty, or with a release or an unfinished attempt at one of this name.
        name: of the release that would be written.

    Returns:
        The manifest of the release that is there, or None.

    Raises:
        InputError: the folder is a file, or holds something else; nothing was changed.
        ReleaseError: its manifest is damaged.
    """
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise _refusal(folder, "is a file", "a new or empty folder")
    entries = sorted(path.name for path in folder.iterdir())
    if MANIFEST in entries:
        manifest = Manifest.from_json((folder / MANIFEST).read_bytes(), source=str(folder / MANIFEST))
        if manifest.name != name:
            raise _refusal(folder, f"holds the release {manifest.id}", f"none, or one of {name}")
        return manifest
    foreign = [entry for entry in entries if not _belongs(entry, name)]
    if foreign:
        raise _refusal(folder, f"holds {foreign[0]}", "a new or empty folder")
    return None


def _belongs(entry: str, name: str) -> bool:
    """Return whether an unfinished attempt at a release of this name may have left a file of that name."""
    names = {
        "README.md",
        "croissant.json",
        TALLIES,
        matrix_file(name),
        index_file(name),
        *map(table_file, TABLES),
    }
    prefixes = (f"{name}_high_infl_pairs_", HIDDEN, _STAGING_0_1, *(f"{kind}-" for kind in ESTIMATES))
    return entry in names or entry.startswith(prefixes)


def publish_folder(folder: Path, staging: Path, manifest: Manifest) -> tuple[Manifest, Outcome]:
    """Move the release that `write_release` wrote into `staging` to `folder`, the manifest last.

    Repeating it after a kill completes the same release; a release of other content is left alone.

    Raises:
        InputError: the folder holds something else.
        ReleaseError: it holds another release, or a file of other content where one of this release belongs.
    """
    check_folder(folder, name=manifest.name)
    return commit_release(LocalStore(folder), staging, manifest)


def _refusal(folder: Path, got: str, expected: str) -> InputError:
    return InputError(
        f"Release cannot be written: {folder} {got}, expected {expected}.", hint="choose another folder with --out."
    )
