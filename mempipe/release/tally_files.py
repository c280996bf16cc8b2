"""Integer tallies as files: one for the examples, and the pairs' counts by class, written and read as a stream.

    examples.npz            n_in, n_out, correct_in, correct_out [train], test_correct [test], train_labels,
                            test_labels: int64; trials: JSON; scope: text; schema_version: int64
    blocks-00000.npz, …     class_7.tr_idx, class_7.tt_idx: int64; class_7.correct_in: int32 [train, test]; …

Every train example is in exactly one `class_<label>`; labels ascend through the files, and a file is closed when it
holds `GROUP_BYTES`. However the counts were divided when they were counted, equal counts give equal bytes.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import TallyError
from mempipe.npz import NpzWriter
from mempipe.release.content import BlocksDigest, array_digest, content_digest
from mempipe.scores.tally import Block, BlockTally, ExampleTally, Scope, blocks_of
from mempipe.tables.schema import SCHEMA_VERSION

EXAMPLES_FILE: Final = "examples.npz"
GROUP_BYTES: Final = 2**26
"""A file of blocks is closed when it holds this much, so that one class can be fetched without the others."""

Groups = tuple[tuple[str, tuple[Block, ...]], ...]


def file_groups(train_labels: NDArray[np.int64], test_labels: NDArray[np.int64], scope: Scope) -> Groups:
    """Return which blocks lie in which file, as (file name, blocks): a function of the labels and the scope alone."""
    groups: list[list[Block]] = []
    size = GROUP_BYTES
    for block in blocks_of(train_labels, test_labels, scope):
        if size >= GROUP_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(block)
        size += 4 * block.shape[0] * block.shape[1]
    return tuple((f"blocks-{number:05d}.npz", tuple(blocks)) for number, blocks in enumerate(groups))


class TallyWriter:
    """Writes the tallies of one data set into a folder; the file of the examples comes last and completes it.

    Attributes:
        digest: of the pairs' counts written so far.
    """

    def __init__(
        self,
        folder: Path,
        examples: ExampleTally,
        train_labels: NDArray[np.int64],
        test_labels: NDArray[np.int64],
        scope: Scope,
    ) -> None:
        """Write into `folder`, which is made.

        Raises:
            TallyError: labels and counts are of different data sets.
        """
        if (train_labels.size, test_labels.size) != (examples.n_train, examples.n_test):
            raise TallyError(
                f"Tallies cannot be written: labels are of {train_labels.size} train and {test_labels.size} test "
                f"examples, expected {examples.n_train} and {examples.n_test}.",
                hint="give the labels of the data set that was counted.",
            )
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._examples = examples
        self._labels = (train_labels, test_labels)
        self._scope = scope
        self.digest = BlocksDigest()

    def write(self, blocks: Iterable[BlockTally]) -> Iterator[BlockTally]:
        """Write blocks as they pass through, and complete the folder after the last; yields each when it is written.

        Args:
            blocks: those of `blocks_of`, in its order; a block may come as consecutive parts of its rows.

        Raises:
            TallyError: a block or rows of it are missing, repeated or out of order, or count other trials.
        """
        stream = iter(blocks)
        for file, expected in file_groups(*self._labels, self._scope):
            with NpzWriter(self._folder / file) as archive:
                for block in expected:
                    yield from self._pass_block(archive, block, stream)
        extra = next(stream, None)
        if extra is not None:
            raise _unexpected(f"block {extra.block.name} comes last", "no more")
        self._write_examples()

    def _pass_block(self, archive: NpzWriter, block: Block, stream: Iterator[BlockTally]) -> Iterator[BlockTally]:
        archive.add(f"{block.name}.tr_idx", block.tr_idx)
        archive.add(f"{block.name}.tt_idx", block.tt_idx)
        position = 0
        with archive.rows(f"{block.name}.correct_in", np.dtype(np.int32), block.shape) as rows:
            while position < block.shape[0]:
                part = next(stream, None)
                if part is None:
                    raise _unexpected(f"blocks end at row {position} of {block.name}", f"{block.shape[0]} rows")
                stop = position + part.block.shape[0]
                same_rows = part.block.label == block.label and np.array_equal(
                    part.block.tr_idx, block.tr_idx[position:stop]
                )
                if not same_rows or not np.array_equal(part.block.tt_idx, block.tt_idx):
                    raise _unexpected(f"block {part.block.name} comes", f"row {position} of {block.name}")
                if part.trials != self._examples.trials:
                    raise _unexpected(f"block {part.block.name} counts other trials", "those of the examples")
                rows.write(part.correct_in)
                self.digest.add(block, part.correct_in)
                position = stop
                yield part

    def _write_examples(self) -> None:
        temporary = self._folder / f".{EXAMPLES_FILE}.part"
        with NpzWriter(temporary) as archive:
            archive.add("schema_version", np.asarray(SCHEMA_VERSION, dtype=np.int64))
            archive.add("scope", np.asarray(str(self._scope)))
            archive.add("trials", np.asarray(json.dumps(self._examples.trials.to_dict(), sort_keys=True)))
            for name, counts in example_arrays(self._examples, *self._labels).items():
                archive.add(name, counts)
        temporary.replace(self._folder / EXAMPLES_FILE)


def write_tallies(
    folder: Path,
    examples: ExampleTally,
    blocks: Iterable[BlockTally],
    train_labels: NDArray[np.int64],
    test_labels: NDArray[np.int64],
    scope: Scope,
) -> str:
    """Write tallies into `folder` and return their digest, equal for equal counts of equal trials.

    Args:
        folder: where the files go; it is made.
        examples: counts of the examples.
        blocks: counts of the pairs: those of `blocks_of`, in its order, each whole or as consecutive parts of its rows;
            each is written before the next is requested, and none is kept.
        train_labels: int64 (n_train,).
        test_labels: int64 (n_test,).
        scope: which pairs are counted.

    Raises:
        TallyError: the blocks are not those of the labels and the scope, or count other trials than the examples.
    """
    writer = TallyWriter(folder, examples, train_labels, test_labels, scope)
    for _ in writer.write(blocks):
        pass
    return content_digest(tally_digests(examples, train_labels, test_labels, writer.digest))


def example_arrays(
    examples: ExampleTally, train_labels: NDArray[np.int64], test_labels: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Return the int64 arrays that the file of the examples holds, by name."""
    return {
        "n_in": examples.n_in,
        "n_out": examples.n_out,
        "correct_in": examples.correct_in,
        "correct_out": examples.correct_out,
        "test_correct": examples.test_correct,
        "train_labels": train_labels,
        "test_labels": test_labels,
    }


def tally_digests(
    examples: ExampleTally, train_labels: NDArray[np.int64], test_labels: NDArray[np.int64], blocks: BlocksDigest
) -> dict[str, str]:
    """Return the digests of the examples' counts (with labels and which trials were counted) and of the pairs'."""
    trials = np.frombuffer(json.dumps(examples.trials.to_dict(), sort_keys=True).encode(), dtype=np.uint8)
    arrays: dict[str, NDArray[Any]] = {"trials": trials, **example_arrays(examples, train_labels, test_labels)}
    return {"tallies/examples": array_digest(arrays), "tallies/blocks": blocks.hexdigest()}


def _unexpected(got: str, expected: str) -> TallyError:
    return TallyError(
        f"Tallies cannot be written: {got}, expected {expected}.",
        hint="give each block of blocks_of once, in its order, counted over the trials of the examples.",
    )
