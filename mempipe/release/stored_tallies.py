"""Reads tallies from their files: the examples at once, the pairs class by class or in parts of bounded size."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import ReleaseError, TallyError
from mempipe.npz import NpzReader
from mempipe.release.tally_files import EXAMPLES_FILE, Groups, file_groups
from mempipe.scores.tally import Block, BlockTally, ExampleTally, Scope, TrialSet, merge
from mempipe.spec import require_known_version
from mempipe.tables.schema import SCHEMA_VERSION

PART_BYTES: Final = 2**26
"""Counts of a block that are read at once, unless the caller says otherwise; larger blocks come in parts."""

Locate = Callable[[str], Path]
"""Returns the local file of that name, which may be fetched first."""


@dataclass(frozen=True, eq=False)
class StoredTallies:
    """Tallies in files.

    Attributes:
        examples: counts of the examples.
        train_labels, test_labels: int64 (n,).
        scope: which pairs are counted.
        source: their folder, for messages.
    """

    examples: ExampleTally
    train_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    scope: Scope
    source: str
    _locate: Locate = field(repr=False)

    @property
    def groups(self) -> Groups:
        """Which blocks lie in which file."""
        return file_groups(self.train_labels, self.test_labels, self.scope)

    def blocks(self, *, max_bytes: int = PART_BYTES) -> Iterator[BlockTally]:
        """Yield every block, a large one as consecutive parts of its rows of at most `max_bytes`, labels ascending.

        Raises:
            ReleaseError: a file is missing or damaged.
        """
        for file, blocks in self.groups:
            with NpzReader(self._locate(file), source=f"{self.source}/{file}") as archive:
                for block in blocks:
                    yield from self._parts(archive, block, max_bytes)

    def block(self, label: int) -> BlockTally:
        """Return the whole block of a label.

        Raises:
            KeyError: no training example has this label.
            ReleaseError: a file is missing or damaged.
        """
        for file, blocks in self.groups:
            for block in blocks:
                if block.label == label:
                    with NpzReader(self._locate(file), source=f"{self.source}/{file}") as archive:
                        self._check(archive, block)
                        counts = archive.read(f"{block.name}.correct_in")
                    return BlockTally(block, counts, self.examples.trials)
        raise KeyError(label)

    def _parts(self, archive: NpzReader, block: Block, max_bytes: int) -> Iterator[BlockTally]:
        self._check(archive, block)
        position = 0
        for band in archive.bands(f"{block.name}.correct_in", max_bytes):
            stop = position + len(band)
            part = block if len(band) == block.shape[0] else block.rows(position, stop)
            yield BlockTally(part, band, self.examples.trials)
            position = stop

    def _check(self, archive: NpzReader, block: Block) -> None:
        """Refuse a file whose pairs are not those of the labels."""
        shape, dtype = archive.shape(f"{block.name}.correct_in")
        if (
            shape != block.shape
            or dtype != np.int32
            or not np.array_equal(archive.read(f"{block.name}.tr_idx"), block.tr_idx)
            or not np.array_equal(archive.read(f"{block.name}.tt_idx"), block.tt_idx)
        ):
            raise ReleaseError(
                f"File is damaged: {archive.source} {block.name} is {dtype} {shape} with its own positions, "
                f"expected int32 {block.shape} with those of the labels.",
                hint="fetch it again, or make it again.",
            )


def open_tallies(folder: Path | str, *, locate: Locate | None = None) -> StoredTallies:
    """Open the tallies that `write_tallies` wrote.

    Args:
        folder: where they are, or a name for messages with `locate`.
        locate: returns the local file of a name; by default the one in `folder`.

    Raises:
        ReleaseError: a file is missing or damaged.
        LaterVersionError: a later version of mempipe wrote them.
    """
    find = locate or (lambda name: Path(folder) / name)
    source = f"{folder}/{EXAMPLES_FILE}"
    with NpzReader(find(EXAMPLES_FILE), source=source) as archive:
        try:
            version = int(archive.read("schema_version"))
            require_known_version(version, SCHEMA_VERSION, failure="Tallies cannot be read", source=source)
            examples = ExampleTally(
                TrialSet.from_dict(json.loads(str(archive.read("trials")))),
                *(archive.read(name) for name in ("n_in", "n_out", "correct_in", "correct_out", "test_correct")),
            )
            scope = Scope(str(archive.read("scope")))
        except (ValueError, TypeError, AttributeError, TallyError) as error:
            raise ReleaseError(
                f"File is damaged: {source} contradicts itself ({error.args[0] if error.args else error}).",
                hint="fetch it again, or make it again.",
            ) from error
        labels = archive.read("train_labels"), archive.read("test_labels")
    sizes = (examples.n_train, examples.n_test)
    if any(part.dtype != np.int64 or part.shape != (n,) for part, n in zip(labels, sizes, strict=True)):
        raise ReleaseError(
            f"File is damaged: {source} labels are {labels[0].dtype} {labels[0].shape} and {labels[1].dtype} "
            f"{labels[1].shape}, expected int64 of {examples.n_train} and {examples.n_test} examples.",
            hint="fetch it again, or make it again.",
        )
    return StoredTallies(examples, *labels, scope, str(folder), find)


def merge_blocks(tallies: Sequence[StoredTallies]) -> Iterator[BlockTally]:
    """Yield the counts of the pairs of several tallies added up, exactly, as `StoredTallies.blocks` gives those of one.

    Args:
        tallies: of different trials of data sets with the same labels, and of the same scope.

    Raises:
        TallyError: a trial is in two of them, so it would count twice; or labels or scope differ.
        ReleaseError: a file is missing or damaged.
    """
    first = tallies[0]
    for other in tallies[1:]:
        for what, got, expected in (
            ("scope", np.asarray(str(other.scope)), np.asarray(str(first.scope))),
            ("train_labels", other.train_labels, first.train_labels),
            ("test_labels", other.test_labels, first.test_labels),
        ):
            if not np.array_equal(got, expected):
                raise TallyError(
                    f"Counts cannot be combined: {other.source} {what} is another, expected that of {first.source}.",
                    hint="merge only tallies of the same data set and scope.",
                )
    return (reduce(merge, parts) for parts in zip(*(one.blocks() for one in tallies), strict=True))
