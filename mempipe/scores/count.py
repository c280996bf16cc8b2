"""Count trials exactly, out of core: memory is bounded by the chunk and by the caller's limit, not by the trials."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np

from mempipe.errors import InputError, TallyError
from mempipe.scores.kernels import add_common_bits
from mempipe.scores.tally import Block, BlockTally, ExampleTally, TrialBatch, TrialSet, split_blocks
from mempipe.scores.words import WordChunk, read_words

_GIB: Final = 2**30
_ROWS_OF_TASK: Final = 512


def count_examples(batches: Iterable[TrialBatch], *, source: str, n_train: int, n_test: int) -> ExampleTally:
    """Count each example's trials and right predictions; `mempipe.scores.tally` states the equations.

    Args:
        batches: trials in any order and division; each is read once and not kept.
        source: what the trial numbers are unique in (run key or input hash).
        n_train: size of the training set.
        n_test: size of the test set.

    Returns:
        The tally, the same for every order and division; of no batch, the empty tally.

    Raises:
        TallyError: a trial is given twice, or a batch is of another data set.
    """
    trials = TrialSet()
    n_in, correct_in, correct = (np.zeros(n_train, dtype=np.int64) for _ in range(3))
    test_correct = np.zeros(n_test, dtype=np.int64)
    for chunk in read_words(batches, n_train=n_train, n_test=n_test, with_train=True):
        trials = trials.disjoint_union(TrialSet.from_ids(source, chunk.trials))
        for counts, words in (
            (n_in, chunk.subset_mask),
            (correct_in, chunk.subset_mask & chunk.train_correct),
            (correct, chunk.train_correct),
            (test_correct, chunk.test_correct),
        ):
            counts += np.bitwise_count(words).sum(axis=0, dtype=np.int64)[: counts.size]
    return ExampleTally(trials, n_in, len(trials) - n_in, correct_in, correct - correct_in, test_correct)


def count_blocks(
    read_batches: Callable[[], Iterable[TrialBatch]],
    blocks: Sequence[Block],
    *,
    source: str,
    n_train: int,
    n_test: int,
    memory_limit: int = _GIB,
    threads: int | None = None,
) -> Iterator[BlockTally]:
    """Count, for each pair of each block, the trials that saw the train example and were right on the test example.

    Blocks are counted in groups whose counts fit `memory_limit` together; each group reads all batches once. A block
    that alone does not fit comes as several, consecutive in its rows (`Block.rows`, same label): put together by
    `itertools.groupby(tallies, key=lambda tally: tally.block.label)` they are the whole block. A tally is released when
    it is yielded, so a consumer that keeps none stays within the limit.

    Args:
        read_batches: gives the same trials at each call, in any order and division.
        blocks: from `blocks_of`, or any part of it.
        source: what the trial numbers are unique in (run key or input hash).
        n_train: size of the training set.
        n_test: size of the test set.
        memory_limit: bytes for the counts of a group, at least one row of a block being counted whatever it needs;
            a chunk of packed trials (256 MiB at most, where 64 trials fit) comes on top.
        threads: by default one for each core that this process may use. Never changes a count.

    Yields:
        The blocks' tallies, in order.

    Raises:
        TallyError: a trial is given twice, two readings give different trials, a batch is of another data set, or a
            block points beyond it.
        InputError: `memory_limit` or `threads` is below 1.
    """
    for name, value in (("memory_limit", memory_limit), ("threads", threads)):
        if value is not None and value < 1:
            raise InputError(
                f"Pairs cannot be counted: {name} is {value}, expected 1 or more.",
                hint="give the bytes that counts may use, and at least one thread.",
            )
    for block in blocks:
        for idx, n, side in ((block.tr_idx, n_train, "train"), (block.tt_idx, n_test, "test")):
            if idx.size and idx[-1] >= n:
                raise TallyError(
                    f"Pairs cannot be counted: block {block.name} has {side} position {idx[-1]}, expected below {n}.",
                    hint="the blocks were made from the labels of another data set.",
                )
    groups = _groups(split_blocks(tuple(blocks), memory_limit), memory_limit)
    workers = threads or _usable_cores()

    def read() -> Iterator[WordChunk]:
        return read_words(read_batches(), n_train=n_train, n_test=n_test, with_train=False)

    return _count_groups(read, groups, source, workers)


def _count_groups(
    read: Callable[[], Iterator[WordChunk]], groups: list[list[Block]], source: str, workers: int
) -> Iterator[BlockTally]:
    first: TrialSet | None = None
    for group in groups:
        tallies, trials = _count_group(read(), group, source, workers)
        if first is not None and trials != first:
            raise TallyError(
                f"Pairs cannot be counted: a later reading gives {len(trials)} trials, "
                f"expected the {len(first)} trials of the first.",
                hint="the store changed meanwhile; list its shards once and read from that list.",
            )
        first = trials
        tallies.reverse()
        while tallies:
            yield tallies.pop()


def _count_group(
    chunks: Iterator[WordChunk], group: list[Block], source: str, workers: int
) -> tuple[list[BlockTally], TrialSet]:
    """Read all chunks once and count every block of the group."""
    counts = [np.zeros(block.shape, dtype=np.int32) for block in group]
    tasks = [
        (b, slice(start, start + _ROWS_OF_TASK))
        for b, block in enumerate(group)
        for start in range(0, block.tr_idx.size, _ROWS_OF_TASK)
    ]
    trials = TrialSet()
    with ThreadPoolExecutor(workers, thread_name_prefix="count") as pool:
        for chunk in chunks:
            trials = trials.disjoint_union(TrialSet.from_ids(source, chunk.trials))

            def add(task: tuple[int, slice], chunk: WordChunk = chunk) -> None:
                b, rows = task
                # Copies, so that read-only or strided positions do not make numba compile once more.
                tr_idx, tt_idx = np.array(group[b].tr_idx[rows]), np.array(group[b].tt_idx)
                add_common_bits(chunk.subset_mask, chunk.test_correct, tr_idx, tt_idx, counts[b][rows])

            list(pool.map(add, tasks))
    return [BlockTally(block, count, trials) for block, count in zip(group, counts, strict=True)], trials


def _groups(blocks: Sequence[Block], memory_limit: int) -> list[list[Block]]:
    """Put consecutive blocks together while their int32 counts fit."""
    groups: list[list[Block]] = []
    total = 0
    for block in blocks:
        size = 4 * block.tr_idx.size * block.tt_idx.size
        if groups and total + size <= memory_limit:
            groups[-1].append(block)
            total += size
        else:
            groups.append([block])
            total = size
    return groups


def _usable_cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)
