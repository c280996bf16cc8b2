"""Publishes a release: files create-only, the manifest last, then a compare-and-swap of `latest.json`.

A killed publication leaves files without a manifest, which is no release; repeating it commits what is missing. A file
that an earlier attempt committed stays: where its bytes differ (another version of pyarrow wrote it) and the content is
equal, the manifest lists what is committed. So nothing that a manifest names is ever replaced.
"""

import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from mempipe.errors import GenerationError, ObjectExistsError, ObjectNotFoundError, ReleaseError
from mempipe.places import LATEST, MANIFEST
from mempipe.release.manifest import FileEntry, Latest, Manifest, describe_file
from mempipe.release.same_content import same_content
from mempipe.release.write import write_documents
from mempipe.storage.protocol import Commit, Store
from mempipe.tables.parquet import read_file, table_file
from mempipe.tables.schema import TABLES, estimates_tables

_ROUNDS: Final = 10


class Outcome(StrEnum):
    """What a publication did."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Publication:
    """A release in its store.

    Attributes:
        uri: of the release.
        manifest: as committed, which an earlier attempt may have written.
        outcome: `UNCHANGED` where the release was there already.
        is_latest: `latest.json` names this release now.
    """

    uri: str
    manifest: Manifest
    outcome: Outcome
    is_latest: bool


def publish_release(store: Store, prefix: str, staging: Path, manifest: Manifest) -> Publication:
    """Publish what `write_release` wrote, as `<prefix>/<release id>/`, and let `<prefix>/latest.json` name it.

    May be repeated after a kill at any point, and by two at once: the result is one and the same release.

    Args:
        store: where to.
        prefix: the place of this name's releases, such as `releases/digits`; "" for the store itself.
        staging: the folder that `write_release` filled.
        manifest: its result.

    Raises:
        ReleaseError: a file of another content lies where a file of this release belongs.
        GenerationError: `latest.json` changes all the time.
    """
    place = store.child(prefix) if prefix else store
    target = place.child(manifest.id)
    committed, outcome = commit_release(target, staging, manifest)
    return Publication(target.uri, committed, outcome, is_latest=_move_latest(place, committed))


def commit_release(target: Store, staging: Path, manifest: Manifest) -> tuple[Manifest, Outcome]:
    """Commit a release's files into its own place, the manifest last; return the committed manifest."""
    committed = _committed(target, manifest)
    if committed is not None:
        return committed, Outcome.UNCHANGED
    manifest = _commit_files(target, staging, manifest)
    try:
        created = target.create(MANIFEST, manifest.to_json())
    except ObjectExistsError:  # another process published it meanwhile
        committed = _committed(target, manifest)
        if committed is None:
            raise
        return committed, Outcome.UNCHANGED
    return manifest, Outcome.PUBLISHED if created is Commit.CREATED else Outcome.UNCHANGED


def _committed(target: Store, manifest: Manifest) -> Manifest | None:
    """Return the manifest that is committed, or None; refuse one of another release."""
    source = f"{target.uri}/{MANIFEST}"
    try:
        committed = Manifest.from_json(target.read(MANIFEST), source=source)
    except ObjectNotFoundError:
        return None
    if committed.id != manifest.id or committed.content_digest != manifest.content_digest:
        raise ReleaseError(
            f"Release cannot be published: {source} id is {committed.id}, expected {manifest.id}.",
            hint="choose another place; a release is never changed.",
        )
    return committed


def _commit_files(target: Store, staging: Path, manifest: Manifest) -> Manifest:
    """Commit every file but the manifest; return it with the files as committed."""
    data = tuple(_commit_file(target, staging, entry) for entry in manifest.files if entry.kind != "document")
    if data != tuple(entry for entry in manifest.files if entry.kind != "document"):
        # The card and the Croissant metadata list sizes and hashes of what is committed, not of what we wrote.
        names = [*TABLES, *estimates_tables(manifest.estimators)]
        tables = {name: read_file(staging / table_file(name), source=table_file(name)) for name in names}
        manifest = write_documents(manifest.model_copy(update={"files": data}), tables, staging)
    documents = tuple(_commit_file(target, staging, entry) for entry in manifest.files if entry.kind == "document")
    return manifest.model_copy(update={"files": data + documents})


def _commit_file(target: Store, staging: Path, entry: FileEntry) -> FileEntry:
    """Commit one file; return its entry as committed."""
    local = staging / entry.path
    try:
        target.create(entry.path, local)
    except ObjectExistsError:
        return _adopt(target, local, entry)
    return entry


def _adopt(target: Store, local: Path, entry: FileEntry) -> FileEntry:
    """Return the entry of other bytes that an unfinished attempt committed, if the content is equal."""
    with tempfile.TemporaryDirectory(prefix="mempipe-") as folder:
        committed = Path(folder) / "committed"
        target.download(entry.path, committed)
        if entry.kind != "document" and not same_content(committed, local, name=entry.path):
            raise ReleaseError(
                f"Release cannot be published: {target.uri}/{entry.path} has other content, expected that of its "
                "release.",
                hint="no release is there yet (no manifest.json): delete this file and publish again.",
            )
        return describe_file(committed, entry.path, entry.kind)


def _move_latest(place: Store, manifest: Manifest) -> bool:
    """Let `latest.json` name this release unless a later one is named; return whether it does."""
    ours = Latest.of(manifest)
    for _ in range(_ROUNDS):
        generation: str | None
        try:
            content, generation = place.read_versioned(LATEST)
        except ObjectNotFoundError:
            generation = None
        else:
            theirs = Latest.from_json(content, source=f"{place.uri}/{LATEST}")
            if theirs.release == ours.release:
                return True
            if not _supersedes(ours, theirs):
                return False
        try:
            place.replace(LATEST, ours.to_json(), generation=generation)
        except GenerationError:
            continue
        return True
    raise GenerationError(
        f"Latest release cannot be named: {place.uri}/{LATEST} changed {_ROUNDS} times meanwhile, expected few "
        "publishers at once.",
        hint="the release itself is published; run the same command again to name it.",
    )


def _supersedes(ours: Latest, theirs: Latest) -> bool:
    """Return whether readers of the latest release should get ours instead of theirs.

    Of one run, the one with more trials, whichever is finished first: an extension never goes back. Otherwise the one
    that was created later, so that repeating an old publication does not bring back what was superseded.
    """
    if ours.key == theirs.key and ours.n_trials != theirs.n_trials:
        return ours.n_trials > theirs.n_trials
    return ours.created >= theirs.created
