"""Reads a release: tables, arrays, and any question that its exact counts can answer."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mempipe.errors import ObjectNotFoundError, ReleaseError, ReleaseQuestionError
from mempipe.places import LATEST, MANIFEST, TALLIES
from mempipe.release.digest import BlocksDigest, content_digest, table_digest
from mempipe.release.files import ReleaseFiles
from mempipe.release.manifest import Latest, Manifest, hash_file, release_id
from mempipe.release.stored_tallies import StoredTallies, open_tallies
from mempipe.release.tables import pairs_table
from mempipe.release.tally_files import tally_digests
from mempipe.scores.blocks import Block
from mempipe.scores.estimate import influence
from mempipe.scores.pairs import select_pairs
from mempipe.scores.tally import BlockTally
from mempipe.scores.uncertainty import influence_standard_error
from mempipe.storage import Store, open_store
from mempipe.tables.parquet import read_file, read_table, table_file
from mempipe.tables.schema import TABLES

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InfluenceMatrix:
    """Influence of some training examples on some test examples.

    Attributes:
        tr_idx, tt_idx: int64; positions of rows and columns in the data set's own order.
        infl: float64 [train, test]; NaN in the rows of examples that every trial saw, or none.
    """

    tr_idx: NDArray[np.int64]
    tt_idx: NDArray[np.int64]
    infl: FloatArray


class Release:
    """A published release. Tables and counts are read when asked for, and tables are kept.

    Attributes:
        uri: of the release itself.
        manifest: what it is and how it was made.
    """

    def __init__(self, store: Store, manifest: Manifest) -> None:
        """Open the release that lies in `store`; `load_release` finds it."""
        self.uri = store.uri
        self.manifest = manifest
        self._files = ReleaseFiles(store, manifest.id)

    def __repr__(self) -> str:
        return f"Release({self.uri!r}: {self.manifest.n_trials} trials, {self.manifest.n_train} training examples)"

    @cached_property
    def examples(self) -> pa.Table:
        """Scores and counts of the training examples, one row each, in the data set's order."""
        return self._table("examples")

    @cached_property
    def test_examples(self) -> pa.Table:
        """Counts of the test examples, one row each, in the data set's order."""
        return self._table("test_examples")

    @cached_property
    def pairs(self) -> pa.Table:
        """High-influence pairs at the release's thresholds, by descending influence."""
        return self._table("pairs")

    @cached_property
    def classes(self) -> pa.Table:
        """One row for each class."""
        return self._table("classes")

    @cached_property
    def trials(self) -> pa.Table:
        """One row for each trial: accuracies, and where known time and hardware."""
        return self._table("trials")

    @cached_property
    def mem(self) -> FloatArray:
        """Memorization, float64 (n_train,); NaN where every trial saw the example, or none."""
        return self._floats("mem")

    @cached_property
    def mem_se(self) -> FloatArray:
        """Standard error of `mem`, float64 (n_train,); NaN where `mem` is."""
        return self._floats("mem_se")

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Labels of the training examples, int64 (n_train,)."""
        labels: NDArray[np.int64] = self.examples["label"].to_numpy()
        return labels

    @cached_property
    def tallies(self) -> StoredTallies:
        """The exact counts, from which every score can be recomputed."""
        files = self._files  # and not self, which would keep itself alive
        return open_tallies(f"{self.uri}/{TALLIES}", locate=lambda name: files.local(f"{TALLIES}/{name}"))

    def influence(self, label: int, *, same_label: bool = True) -> InfluenceMatrix:
        """Compute the influence of the training examples of one class, in float64 from the exact counts.

        Args:
            label: of the training examples.
            same_label: on the test examples of this label; else on all, which needs a release with `influence: full`.

        Raises:
            ReleaseQuestionError: there is no such class, or the release has only counts by class.
            ReleaseError: a file is missing or damaged.
        """
        block = self._block(label, same_label=same_label)
        return InfluenceMatrix(block.block.tr_idx, block.block.tt_idx, influence(block, self.tallies.examples))

    def influence_standard_error(self, label: int, *, same_label: bool = True) -> FloatArray:
        """Compute the standard error of `influence(label).infl`, of the same shape."""
        return influence_standard_error(self._block(label, same_label=same_label), self.tallies.examples)

    def select_pairs(self, *, mem: float = 0.25, infl: float = 0.15, same_label: bool = True) -> pa.Table:
        """Select high-influence pairs at any thresholds, in float64 from the exact counts.

        Args:
            mem: least memorization of the training example.
            infl: least influence on the test example.
            same_label: only pairs of equal labels; else of any, which needs a release with `influence: full`.

        Returns:
            A table like `pairs`: by descending influence, then positions.

        Raises:
            InputError: a threshold is no number in [-1, 1].
            ReleaseQuestionError: the release has only counts by class.
            ReleaseError: a file is missing or damaged.
        """
        known = self.manifest.thresholds
        if not same_label:
            self._require_full()
        if same_label and known.mem <= mem <= 1 and known.infl <= infl <= 1:
            table = self.pairs.filter((pc.field("mem") >= mem) & (pc.field("infl") >= infl))
            return table if known.same_label else table.filter(pc.field("label") == pc.field("tt_label"))
        tallies = self.tallies
        labels = tallies.train_labels, tallies.test_labels
        selected = select_pairs(tallies.blocks(), tallies.examples, *labels, mem=mem, infl=infl, same_label=same_label)
        return pairs_table(selected, *labels)

    def local_file(self, path: str) -> Path:
        """Return a file of the release on this machine: itself, or a copy that lasts as long as this object.

        Raises:
            ReleaseError: the release has no such file.
        """
        return self._files.local(path)

    def verify(self) -> None:
        """Check every file's bytes, and that tables and counts say what the content digest binds.

        Tables are digested as they are in their files, with the columns of later versions. What a later version digests
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
        if not 0 <= label < self.manifest.n_classes:
            raise ReleaseQuestionError(
                f"Influence cannot be given: label is {label}, expected 0 to {self.manifest.n_classes - 1}.",
                hint="`classes` lists labels and names.",
            )
        tallies = self.tallies
        tt_idx = np.flatnonzero(tallies.test_labels == label) if same_label else np.arange(self.manifest.n_test)
        try:
            whole = tallies.block(label)
        except KeyError:  # a class without training examples
            nobody = Block(f"class_{label}", label, np.empty(0, dtype=np.int64), tt_idx.astype(np.int64))
            return BlockTally(nobody, np.empty(nobody.shape, dtype=np.int32), tallies.examples.trials)
        if whole.block.tt_idx.size == tt_idx.size:
            return whole
        block = Block(whole.block.name, label, whole.block.tr_idx, tt_idx.astype(np.int64))
        columns = np.searchsorted(whole.block.tt_idx, tt_idx)
        return BlockTally(block, whole.correct_in[:, columns], whole.trials)

    def _require_full(self) -> None:
        if self.manifest.influence != "full":
            raise ReleaseQuestionError(
                f"Pairs of different labels are not in the release: {self.uri} influence is "
                f"{self.manifest.influence!r}, expected 'full'.",
                hint="set `influence: full` in the spec and run it again (nothing is trained anew), or give "
                "`mempipe score --influence full`.",
            )

    def _floats(self, column: str) -> FloatArray:
        values: FloatArray = self.examples[column].to_numpy()  # null becomes NaN
        return values

    def _table(self, name: str) -> pa.Table:
        file = table_file(name)
        return read_table(self._files.local(file), name, source=f"{self.uri}/{file}")


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
