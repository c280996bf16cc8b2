"""What must hold for every shard before a bit of it is counted; a message names the shard, the field and the trial."""

import math
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import CorruptShardError, ForeignShardError
from mempipe.runs import Run, ShardRef
from mempipe.shards import Shard, decode, encode, pack, unpack
from mempipe.subsets import subset_mask

MARGIN_TOLERANCE: Final = 0.01
"""How far a margin may lie on the wrong side: float16 keeps 11 bits, and log(classes - 1) is below 16."""

_HINT: Final = "`mempipe validate` moves it aside and its trials are planned again."


def check_shard(content: bytes, ref: ShardRef, run: Run) -> Shard:
    """Read a shard and check everything that can be known of it without training again.

    - its bytes are whole, and exactly those that mempipe writes for its arrays;
    - run key, data fingerprint, numerics version and sizes are the run's;
    - its trials are those that its name says;
    - the subset mask of every trial is the design's, bit for bit (so its size is too), and spare bits are 0;
    - margins are there when the spec asks for them, and fit the correctness: no NaN; p_y > 1/2 is correct; p_y below
      1 / classes is wrong (equal logits are decided by the trainer, and float16 rounds, so within `MARGIN_TOLERANCE`
      of these limits either is right).

    Args:
        content: the object's bytes.
        ref: its name and trials.
        run: the run whose store holds it.

    Returns:
        The shard, true to its run.

    Raises:
        CorruptShardError: damaged, or its arrays contradict each other, its name or the subset design.
        ForeignShardError: whole, but of another run or data set.
    """
    uri = f"{run.uri}/{ref.key}"
    try:
        shard = decode(content, source=uri)
    except (TypeError, ValueError, OverflowError) as error:  # scalars of a wrong type below a right checksum
        raise CorruptShardError(f"Shard is corrupt: {uri} has fields of a wrong type ({error}).", hint=_HINT) from error
    _check_origin(shard, run, uri)
    if encode(shard) != content:
        _fail(uri, "bytes differ from those that mempipe writes for its arrays, expected them equal")
    expected = np.arange(ref.span.start, ref.span.stop, dtype=np.int64)
    if not np.array_equal(shard.trials, expected):
        found = f"{shard.trials[0]} to {shard.trials[-1]}"
        _fail(uri, f"trials are {found}, expected {expected[0]} to {expected[-1]} as its name says")
    _check_masks(shard, run, uri)
    for field, rows, n in (
        ("train_correct", shard.train_correct, shard.n_train),
        ("test_correct", shard.test_correct, shard.n_test),
    ):
        _check_spare_bits(field, rows, n, shard.trials, uri)
    _check_margins(shard, run, uri)
    return shard


def _check_origin(shard: Shard, run: Run, uri: str) -> None:
    record = run.record
    fields: tuple[tuple[str, str | int, str | int], ...] = (
        ("run_key", shard.run_key, record.run_key),
        ("data_fingerprint", shard.data_fingerprint, record.data.fingerprint),
        ("numerics_version", shard.numerics_version, record.numerics_version),
        ("n_train", shard.n_train, record.data.n_train),
        ("n_test", shard.n_test, record.data.n_test),
    )
    for field, got, expected in fields:
        if got != expected:
            raise ForeignShardError(
                f"Shard does not belong to this run: {uri} {field} is {_short(got)}, expected {_short(expected)}.",
                hint="it was made with another spec, data set or version; find out who wrote it here. "
                "`mempipe validate` moves it aside and its trials are planned again.",
            )


def _check_masks(shard: Shard, run: Run, uri: str) -> None:
    spec = run.record.spec
    for row, trial in zip(shard.subset_mask, shard.trials.tolist(), strict=True):
        mask = subset_mask(spec.subsets, n_train=shard.n_train, seed=spec.seed, trial=trial)
        expected = pack(mask)
        if not np.array_equal(row, expected):
            found = int(np.bitwise_count(row).sum())
            n_wrong = int(np.bitwise_count(row ^ expected).sum())
            _fail(
                uri,
                f"trial {trial} subset_mask is {found} examples of which {n_wrong} bits differ, "
                f"expected the {int(mask.sum())} of the {spec.subsets.design} design with seed {spec.seed}",
            )


def _check_spare_bits(field: str, rows: NDArray[np.uint8], n: int, trials: NDArray[np.int64], uri: str) -> None:
    if n % 8:
        set_bits = np.flatnonzero(rows[:, -1] >> (n % 8))
        if set_bits.size:
            _fail(uri, f"trial {trials[set_bits[0]]} {field} has bits set beyond example {n - 1}, expected 0")


def _check_margins(shard: Shard, run: Run, uri: str) -> None:
    n_classes = len(run.record.data.class_names)
    for part, margins, correct, n in (
        ("train", shard.train_margin, shard.train_correct, shard.n_train),
        ("test", shard.test_margin, shard.test_correct, shard.n_test),
    ):
        if margins is None:
            if run.record.spec.margins:
                _fail(uri, f"{part}_margin is missing, expected it as spec.margins is true")
            continue
        # By trial: a shard's margins are 16 times its bits, and their float32 copy twice that.
        for trial, row, bits in zip(shard.trials.tolist(), margins, correct, strict=True):
            problem = _margin_problem(row.astype(np.float32), unpack(bits, n), n_classes)
            if problem is not None:
                index, expected = problem
                _fail(uri, f"trial {trial} {part}_margin of example {index} is {row[index]}, expected {expected}")


def _margin_problem(margin: NDArray[np.float32], correct: NDArray[np.bool_], n_classes: int) -> tuple[int, str] | None:
    """Return the first example whose margin cannot be right, and what it should be."""
    lowest = -math.log(n_classes - 1) if n_classes > 1 else -math.inf
    for wrong, expected in (
        (np.isnan(margin), "a number"),
        (~correct & (margin > MARGIN_TOLERANCE), "at most 0 as its prediction is wrong"),
        (correct & (margin < lowest - MARGIN_TOLERANCE), f"at least {lowest:.3f} as its prediction is correct"),
    ):
        found = np.flatnonzero(wrong)
        if found.size:
            return int(found[0]), expected
    return None


def _short(value: str | int) -> str:
    return f"{value[:12]}…" if isinstance(value, str) and len(value) > 12 else str(value)


def _fail(uri: str, problem: str) -> NoReturn:
    raise CorruptShardError(f"Shard is corrupt: {uri} {problem}.", hint=_HINT)
