"""Reads a release: tables, arrays, and any question that its exact counts can answer."""

import os
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mempipe.errors import ObjectNotFoundError, ReleaseError, ReleaseQuestionError
from mempipe.places import LATEST, MANIFEST, TALLIES
from mempipe.release.content import BlocksDigest, content_digest, table_digest
from mempipe.release.files import ReleaseFiles
from mempipe.release.manifest import Latest, Manifest, hash_file, release_id
from mempipe.release.scores import FloatArray, InfluenceMatrix, ScoreFile, Scores
from mempipe.release.stored_tallies import StoredTallies, open_tallies
from mempipe.release.tables import pairs_table
from mempipe.release.tally_files import tally_digests
from mempipe.scores.estimate import influence, influence_standard_error
from mempipe.scores.estimators import PLAIN
from mempipe.scores.pairs import select_pairs
from mempipe.scores.tally import Block, BlockTally, Scope, TrialSet
from mempipe.storage import Store, open_store
from mempipe.tables.parquet import read_file, read_table, table_file
from mempipe.tables.schema import TABLES, estimates_tables

_BAND_BYTES: Final = 2**24


class EstimatesTables(NamedTuple):
    """Scores by one estimator: `examples` (idx, label, mem, mem_se, …), `pairs` (tr_idx, tt_idx, infl, infl_se, …)."""

    examples: pa.Table
    pairs: pa.Table


class Release(Scores):
    """A published release. Tables and counts are read when they are used, and tables are cached.

    Attributes:
        manifest: what it is and how it was made.
    """

    manifest: Manifest

    def __init__(self, store: Store, manifest: Manifest) -> None:
        """Open the release that lies in `store`; `load_release` finds it."""
        self.uri = store.uri
        self.manifest = manifest
        self.name = manifest.name
        self.n_trials = manifest.n_trials
        self.data = manifest.data
        self.subsets = manifest.subsets
        self.thresholds = manifest.thresholds
        self.scope = Scope(manifest.influence)
        self.spec = manifest.spec
        self._files = ReleaseFiles(store, manifest.id)

    def __repr__(self) -> str:
        return f"Release({self.uri!r}: {self.manifest.n_trials} trials, {self.manifest.n_train} training examples)"

    @property
    def id(self) -> str:
        """The manifest's id."""
        return self.manifest.id

    def table(self, name: str) -> pa.Table:
        """Read one table."""
        file = table_file(name)
        return read_table(self._files.local(file), name, source=f"{self.uri}/{file}")

    @cached_property
    def tallies(self) -> StoredTallies:
        """The exact counts, from which every score can be recomputed."""
        files = self._files  # and not self, which would keep itself alive
        return open_tallies(f"{self.uri}/{TALLIES}", locate=lambda name: files.local(f"{TALLIES}/{name}"))

    @property
    def files(self) -> tuple[ScoreFile, ...]:
        """The files that the manifest lists."""
        return tuple(
            ScoreFile(entry.path, entry.bytes, entry.sha256, partial(self.local_file, entry.path))
            for entry in self.manifest.files
        )

    @property
    def trial_set(self) -> TrialSet:
        """Which trials were counted."""
        return self.tallies.examples.trials

    def influence(self, label: int, *, same_label: bool = True) -> InfluenceMatrix:
        """Compute the influence of one class, in float64 from the exact counts; see `Scores.influence`."""
        block = self._block(label, same_label=same_label)
        return InfluenceMatrix(block.block.tr_idx, block.block.tt_idx, influence(block, self.tallies.examples))

    def influence_standard_error(self, label: int, *, same_label: bool = True) -> FloatArray:
        """Compute the standard error of `influence(label).infl`, of the same shape."""
        return influence_standard_error(self._block(label, same_label=same_label), self.tallies.examples)

    def influences(self) -> Iterator[InfluenceMatrix]:
        """Yield the influences of all counted pairs."""
        for block in self.tallies.blocks(max_bytes=_BAND_BYTES):
            yield InfluenceMatrix(block.block.tr_idx, block.block.tt_idx, influence(block, self.tallies.examples))

    def select_pairs(self, *, mem: float = 0.25, infl: float = 0.15, same_label: bool = True) -> pa.Table:
        """Select high-influence pairs in float64 from the exact counts; see `Scores.select_pairs`."""
        limits = self.thresholds
        if not same_label:
            self._require_full()
        if same_label and limits.mem <= mem <= 1 and limits.infl <= infl <= 1:
            table = self.pairs.filter((pc.field("mem") >= mem) & (pc.field("infl") >= infl))
            return table if limits.same_label else table.filter(pc.field("label") == pc.field("tt_label"))
        tallies = self.tallies
        labels = tallies.train_labels, tallies.test_labels
        selected = select_pairs(tallies.blocks(), tallies.examples, *labels, mem=mem, infl=infl, same_label=same_label)
        return pairs_table(selected, *labels)

    def estimates(self, estimator: str) -> EstimatesTables:
        """Return the scores by one of the release's estimators (`manifest.estimators`).

        Raises:
            ReleaseQuestionError: the release has none by it.
            ReleaseError: a file is missing or damaged.
        """
        limits = self.manifest.estimators
        if estimator not in limits:
            raise ReleaseQuestionError(
                f"Estimates are not in the release: estimator is {estimator!r}, expected {' or '.join(limits)}.",
                hint="publish the run again with --estimator; nothing is trained anew.",
            )
        if estimator == PLAIN:
            return EstimatesTables(self.examples, self.pairs)
        return EstimatesTables(*map(self.table, estimates_tables([estimator])))

    def local_file(self, path: str) -> Path:
        """Return a file of the release on this machine: itself, or a copy that lasts as long as this object.

        Raises:
            ReleaseError: the release has no such file.
        """
        return self._files.local(path)

    def verify(self) -> None:
        """Check every file's bytes, and that tables and counts say what the content digest binds.

        Tables are digested as stored, with the columns of later versions. What a later version digests
        beside tables and counts is bound by its file's bytes alone.

        Raises:
            ReleaseError: a file is missing or damaged, or the manifest does not belong to the files.
        """
        manifest = self.manifest
        for entry in manifest.files:
            got = hash_file(self._files.local(entry.path))
            if got != (entry.sha256, entry.bytes):
                raise ReleaseError(
                    f"File is damaged: {self.uri}/{entry.path} SHA-256 is {got[0]}, expected {entry.sha256}.",
                    hint="fetch the release again.",
                )
        tallies, blocks = self.tallies, BlocksDigest()
        whole = {block.label: block for _, group in tallies.groups for block in group}
        for part in tallies.blocks():
            blocks.add(whole[part.block.label], part.correct_in)
        digests = tally_digests(tallies.examples, tallies.train_labels, tallies.test_labels, blocks)
        files = {entry.path for entry in manifest.files}
        for name in {*TABLES, *(name for name in manifest.digests if table_file(name) in files)}:
            file = table_file(name)
            digests[name] = table_digest(name, read_file(self._files.local(file), source=f"{self.uri}/{file}"))
        digest = content_digest({**manifest.digests, **digests})
        expected = release_id(manifest.name, manifest.key, manifest.n_trials, digest)
        if (digest, expected) != (manifest.content_digest, manifest.id):
            changed = sorted(name for name in digests if digests[name] != manifest.digests.get(name))
            raise ReleaseError(
                f"Release contradicts itself: {self.uri} content digest is {digest}, "
                f"expected {manifest.content_digest} ({', '.join(changed) or 'id'} differ).",
                hint="fetch the release again; its files or its manifest were exchanged.",
            )

    def _block(self, label: int, *, same_label: bool) -> BlockTally:
        if not same_label:
            self._require_full()
        self.require_label(label)
        tallies = self.tallies
        tt_idx = np.flatnonzero(tallies.test_labels == label) if same_label else np.arange(self.manifest.n_test)
        try:
            whole = tallies.block(label)
        except KeyError:  # a class without training examples
            empty = Block(f"class_{label}", label, np.empty(0, dtype=np.int64), tt_idx.astype(np.int64))
            return BlockTally(empty, np.empty(empty.shape, dtype=np.int32), tallies.examples.trials)
        if whole.block.tt_idx.size == tt_idx.size:
            return whole
        block = Block(whole.block.name, label, whole.block.tr_idx, tt_idx.astype(np.int64))
        columns = np.searchsorted(whole.block.tt_idx, tt_idx)
        return BlockTally(block, whole.correct_in[:, columns], whole.trials)

    def _require_full(self) -> None:
        if self.scope is not Scope.FULL:
            raise ReleaseQuestionError(
                f"Pairs of different labels are not in the release: {self.uri} influence is "
                f"{self.manifest.influence!r}, expected 'full'.",
                hint="set `influence: full` in the spec and run it again (nothing is trained anew), or give "
                "`mempipe score --influence full`.",
            )


def load_release(uri: str | os.PathLike[str]) -> Release:
    """Open a release; needs neither TensorFlow nor Airflow, and reads no more than the manifest.

    Args:
        uri: folder or URI of a release (with `manifest.json`), or of a name's releases (with `latest.json`).

    Raises:
        ReleaseError: there is no release, or it is damaged or of an unknown schema.

    Example:
        >>> release = load_release("gs://bucket/releases/mnist")  # doctest: +SKIP
        >>> release.examples.to_pandas().nlargest(10, "mem")  # doctest: +SKIP
    """
    store = open_store(os.fspath(uri))
    manifest = _read_manifest(store)
    if manifest is not None:
        return Release(store, manifest)
    try:
        content = store.read(LATEST)
    except ObjectNotFoundError as error:
        raise ReleaseError(
            f"Release does not exist: {store.uri} has neither {MANIFEST} nor {LATEST}, expected one of them.",
            hint="give the URI that `mempipe publish` printed; a release without a manifest was never finished.",
        ) from error
    latest = Latest.from_json(content, source=f"{store.uri}/{LATEST}")
    place = store.child(latest.release)
    manifest = _read_manifest(place)
    if manifest is None:
        raise ReleaseError(
            f"Release does not exist: {place.uri} has no {MANIFEST}, expected the release that "
            f"{store.uri}/{LATEST} names.",
            hint="publish again, or open another release of this place by its own URI.",
        )
    return Release(place, manifest)


def _read_manifest(store: Store) -> Manifest | None:
    try:
        return Manifest.from_json(store.read(MANIFEST), source=f"{store.uri}/{MANIFEST}")
    except ObjectNotFoundError:
        return None
