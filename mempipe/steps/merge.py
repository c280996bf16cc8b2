"""`mempipe merge`: one release from releases of different trials of one run, or of one data set."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mempipe.errors import InputError
from mempipe.places import releases_place
from mempipe.release.folder import check_folder, publish_folder
from mempipe.release.load import load_release
from mempipe.release.merge import merged_content, merged_trials, ordered
from mempipe.release.publish import publish_release
from mempipe.release.stored_tallies import merge_blocks
from mempipe.release.write import write_release
from mempipe.scores.estimators import PLAIN
from mempipe.scores.tally import BlockTally, blocks_of
from mempipe.spec import checked_name
from mempipe.steps.batches import track
from mempipe.steps.progress import Reporter
from mempipe.steps.publish import check_without_docs
from mempipe.storage import open_store
from mempipe.storage.staging import staging_folder
from mempipe.validation.quality import mark_odd


def merge_releases(uris: Sequence[str], *, name: str, out: Path | None, store: str | None, reporter: Reporter) -> str:
    """Write one release that counts the trials of all the releases, each trial once.

    Releases of two parts of a run merge into the release of the whole run: same id, content digest and score files.
    Merging is commutative and associative. Scores are those of `plain`: other estimators may need outcomes of each
    trial, which a release does not hold.

    Args:
        uris: of the releases, two or more.
        name: of the new release.
        out: a new folder, which becomes the release; None if `store` is given.
        store: URI of the store to publish in; None if `out` is given.
        reporter: receives progress and notes.

    Returns:
        Folder or URI of the release.

    Raises:
        InputError: a trial is in two releases, or they are not of the same run, data set, labels or pairs; or `out` is
            in use.
        ReleaseError: a release is missing or damaged.
    """
    checked_name(name)
    if len(uris) < 2:
        raise InputError("Releases cannot be merged: 1 is given, expected 2 or more.", hint="name the others, too.")
    if (out is None) == (store is None):
        raise InputError(
            f"Command cannot be run: {'neither' if out is None else 'both'} of --out and --store given, expected one.",
            hint="--out DIR writes the release into a new folder, --store URI publishes it in a store.",
        )
    if out is not None:
        check_folder(out, name=name)
    releases = ordered(load_release(uri) for uri in uris)
    others = sorted({name for release in releases for name in release.manifest.estimators} - {PLAIN})
    if others:
        reporter.note(f"scores by {', '.join(others)} are left out: they may need more than the counts of a release")
    tallies = [release.tallies for release in releases]
    train_labels, test_labels = tallies[0].train_labels, tallies[0].test_labels
    trials = mark_odd(merged_trials(releases), test_labels=test_labels, n_train=len(train_labels))
    n_blocks = len(blocks_of(train_labels, test_labels, tallies[0].scope))
    with reporter.stage("scoring pairs", total=n_blocks, unit="blocks") as advance, _staging(out) as staging:

        def blocks() -> Iterator[BlockTally]:
            return track(merge_blocks(tallies), train_labels, advance)

        content = merged_content(releases, name, trials, blocks)
        check = check_without_docs(content.examples, content.thresholds, name=name)
        manifest = write_release(content, staging, check=check)
        if out is not None:
            publish_folder(out, staging, manifest)
            uri = str(out.resolve())
        if store is not None:
            uri = publish_release(open_store(store), releases_place(name), staging, manifest).uri
    reporter.note(f"{manifest.id}: {manifest.n_trials} trials, {manifest.pairs.n_pairs} high-influence pairs")
    return uri


@contextmanager
def _staging(out: Path | None) -> Iterator[Path]:
    """Yield a folder to write the release into: beside `out`, or a temporary folder if `out` is None."""
    if out is not None:
        with staging_folder(out) as staging:
            yield staging
        return
    with TemporaryDirectory(prefix="mempipe-release-") as folder:
        yield Path(folder)
