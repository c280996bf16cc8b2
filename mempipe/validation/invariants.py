"""Checks of every shard before it is counted; a message names the shard, the field and the trial."""

from typing import Final, NoReturn

import numpy as np

from mempipe.bits import pack, unpack
from mempipe.errors import CorruptShardError, ForeignShardError
from mempipe.outcomes import REQUIRED, outcome
from mempipe.runs import Run, ShardRef, Span
from mempipe.shards import Shard, decode, encodings
from mempipe.subsets import subset_mask

_HINT: Final = "`mempipe validate` moves it aside and its trials are planned again."


def check_shard(content: bytes, ref: ShardRef, run: Run) -> Shard:
    """Read a shard and check everything that can be checked without training again.

    - what `open_shard` checks;
    - its bytes are exactly those that mempipe writes for its arrays;
    - the subset mask of every trial is the design's, bit for bit (so its size is too);
    - each outcome satisfies the check of its file in `mempipe.outcomes`.

    Args:
        content: the object's bytes.
        ref: its name and trials.
        run: the run whose store holds it.

    Returns:
        The shard.

    Raises:
        CorruptShardError: damaged, or its arrays contradict each other, its name or the subset design.
        ForeignShardError: whole, but of another run or data set.
        LaterVersionError: whole, but of a format that this version does not know.
    """
    uri = f"{run.uri}/{ref.key}"
    shard = open_shard(content, ref.key, ref.span, run)
    if content not in encodings(shard):
        _fail(uri, "bytes differ from those that mempipe writes for its arrays, expected them equal")
    _check_masks(shard, run, uri)
    _check_outcomes(shard, run, uri)
    return shard


def open_shard(content: bytes, key: str, trials: Span, run: Run) -> Shard:
    """Read a shard and check that it is whole and this run's: the checks that cost no more than reading it.

    - its arrays have the checksum that it records;
    - run key, data fingerprint, numerics version and sizes are the run's;
    - its trials are those that its name says;
    - the outcomes that the run keeps are there.

    Args:
        content: the object's bytes.
        key: its name below the run's URI.
        trials: those of its name.
        run: the run whose store holds it.

    Raises:
        CorruptShardError, ForeignShardError, LaterVersionError: as of `check_shard`.
    """
    uri = f"{run.uri}/{key}"
    try:
        shard = decode(content, source=uri)
    except (TypeError, ValueError, OverflowError) as error:  # scalars of a wrong type below a right checksum
        raise CorruptShardError(f"Shard is corrupt: {uri} has fields of a wrong type ({error}).", hint=_HINT) from error
    _check_origin(shard, run, uri)
    if not np.array_equal(shard.trials, np.arange(*trials)):
        got = f"{shard.trials[0]} to {shard.trials[-1]}"
        _fail(uri, f"trials are {got}, expected {trials.start} to {trials.stop - 1} as its name says")
    for name in run.record.spec.kept_outcomes:
        if name not in shard.train:
            _fail(uri, f"train_{name} is missing, expected it as the run's outcomes have {name}")
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
            got = int(np.bitwise_count(row).sum())
            n_wrong = int(np.bitwise_count(row ^ expected).sum())
            _fail(
                uri,
                f"trial {trial} subset_mask is {got} examples of which {n_wrong} bits differ, "
                f"expected the {int(mask.sum())} of the {spec.subsets.design} design with seed {spec.seed}",
            )


def _check_outcomes(shard: Shard, run: Run, uri: str) -> None:
    n_classes = len(run.record.data.class_names)
    for part, arrays, labels in (("train", shard.train, run.labels.train), ("test", shard.test, run.labels.test)):
        # By trial: a shard's margins are 16 times its bits, and their float32 copy twice that.
        for row, trial in enumerate(shard.trials.tolist()):
            correct = unpack(arrays[REQUIRED][row], labels.size)
            for name, array in arrays.items():
                problem = outcome(name).problem(array[row], correct, labels, n_classes)
                if problem is not None:
                    _fail(uri, f"trial {trial} {part}_{name} {problem}")


def _short(value: str | int) -> str:
    return f"{value[:12]}…" if isinstance(value, str) and len(value) > 12 else str(value)


def _fail(uri: str, problem: str) -> NoReturn:
    raise CorruptShardError(f"Shard is corrupt: {uri} {problem}.", hint=_HINT)
