"""The prediction shard: what a chunk of trials saw, and its outcomes; the only contract between training and scores.

A shard is a plain npz that `numpy.load(allow_pickle=False)` reads. Bits are packed along the examples, first example
in the lowest bit (`numpy.unpackbits(..., bitorder="little")`). An outcome is two arrays, `train_<name>` and
`test_<name>` (`mempipe.outcomes`). The format version is the first that may hold all its outcomes. Equal content gives
equal bytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.bits import packed_width
from mempipe.errors import CorruptShardError, LaterVersionError
from mempipe.npz import UnreadableNpzError, decode_checked, encode_checked
from mempipe.outcomes import REQUIRED, available, outcome

_FIELDS: Final = frozenset(
    {
        "format_version",
        "run_key",
        "data_fingerprint",
        "numerics_version",
        "n_train",
        "n_test",
        "trials",
        "subset_mask",
        f"train_{REQUIRED}",
        f"test_{REQUIRED}",
    }
)


@dataclass(frozen=True, eq=False)
class Shard:
    """Predictions of consecutive trials of one run.

    Attributes:
        run_key: the run that they belong to.
        data_fingerprint: the data set, its content and order.
        numerics_version: version of the code's numerics.
        n_train, n_test: sizes of the data set.
        trials: int64 (c,), consecutive.
        subset_mask: uint8 (c, ceil(n_train / 8)), packed; which examples each trial saw.
        train, test: the outcomes by name, `correct` among them; each (c, width) as its file states.
    """

    run_key: str
    data_fingerprint: str
    numerics_version: int
    n_train: int
    n_test: int
    trials: NDArray[np.int64]
    subset_mask: NDArray[np.uint8]
    train: Mapping[str, NDArray[Any]]
    test: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        """Check every dtype and shape, so that no inconsistent shard exists in memory."""
        c = len(self.trials)
        _expect("trials", self.trials, ("int64",), (c,))
        _expect("subset_mask", self.subset_mask, ("uint8",), (c, packed_width(self.n_train)))
        if self.train.keys() != self.test.keys() or REQUIRED not in self.train:
            raise CorruptShardError(
                f"Shard is inconsistent: outcomes are {sorted(self.train)} of train and {sorted(self.test)} of test "
                f"examples, expected the same with {REQUIRED}.",
                hint="quarantine it and train its trials again.",
            )
        for part, arrays, n in (("train", self.train, self.n_train), ("test", self.test, self.n_test)):
            for name, array in arrays.items():
                kind = outcome(name)
                _expect(f"{part}_{name}", array, kind.DTYPES, (c, kind.width(n)))
        if c == 0 or not np.array_equal(self.trials, np.arange(self.trials[0], self.trials[0] + c)):
            raise CorruptShardError(
                f"Shard is inconsistent: trials are {self.trials.tolist()[:5]}…, expected consecutive numbers.",
                hint="the shard was not written by mempipe; quarantine it and train its trials again.",
            )


def encode(shard: Shard) -> bytes:
    """Return the shard's bytes; equal shards give equal bytes on every machine and with every Python."""
    return encode_checked(_arrays(shard))


def encodings(shard: Shard) -> Iterator[bytes]:
    """Yield the bytes that a shard may have: those of `encode`, then those of the first versions on an early Python."""
    arrays = _arrays(shard)
    yield encode_checked(arrays)
    yield encode_checked(arrays, early=True)


def _arrays(shard: Shard) -> dict[str, NDArray[Any]]:
    values: dict[str, Any] = {
        "format_version": np.int64(max(outcome(name).FORMAT_VERSION for name in shard.train)),
        "run_key": np.str_(shard.run_key),
        "data_fingerprint": np.str_(shard.data_fingerprint),
        "numerics_version": np.int64(shard.numerics_version),
        "n_train": np.int64(shard.n_train),
        "n_test": np.int64(shard.n_test),
        "trials": shard.trials,
        "subset_mask": shard.subset_mask,
    }
    for name in sorted(shard.train):
        values |= {f"train_{name}": shard.train[name], f"test_{name}": shard.test[name]}
    return {name: np.asarray(value) for name, value in values.items()}


def decode(content: bytes, *, source: str) -> Shard:
    """Read a shard and check that its bytes are whole.

    Args:
        content: the object's bytes.
        source: its URI, for messages.

    Raises:
        CorruptShardError: truncated, damaged, or its arrays contradict each other.
        LaterVersionError: whole, and of a format that this version does not know.
    """
    try:
        arrays = decode_checked(content)
    except UnreadableNpzError as error:
        raise _corrupt(source, str(error)) from error
    formats = {name: outcome(name).FORMAT_VERSION for name in available()}
    latest = max(formats.values())
    version = arrays.get("format_version", np.empty(0))
    if version.dtype != np.int64 or version.shape != () or version < 1:
        raise _corrupt(source, f"format_version is {version.dtype} {version}, expected 1 to {latest}")
    if version > latest:
        raise LaterVersionError(
            f"Shard cannot be read: {source} format_version is {version}, expected at most {latest}: "
            "it was written by a later version of mempipe.",
            hint="use that version of mempipe, or a later one; the shard was not changed.",
        )
    names = [name for name, format_version in formats.items() if version >= format_version]
    train, test = ({name: f"{part}_{name}" for name in names} for part in ("train", "test"))
    if not _FIELDS <= arrays.keys() <= _FIELDS | {*train.values(), *test.values()}:
        raise _corrupt(source, f"arrays are {sorted(arrays)}, expected {sorted(_FIELDS)} and outcomes")
    try:
        return Shard(
            run_key=str(arrays["run_key"]),
            data_fingerprint=str(arrays["data_fingerprint"]),
            numerics_version=int(arrays["numerics_version"]),
            n_train=int(arrays["n_train"]),
            n_test=int(arrays["n_test"]),
            trials=arrays["trials"],
            subset_mask=arrays["subset_mask"],
            train={name: arrays[key] for name, key in train.items() if key in arrays},
            test={name: arrays[key] for name, key in test.items() if key in arrays},
        )
    except CorruptShardError as error:
        raise _corrupt(source, error.message) from error
    except (TypeError, ValueError) as error:
        raise _corrupt(source, f"holds a value of another type ({error})") from error


def _expect(name: str, array: NDArray[Any], dtypes: tuple[str, ...], shape: tuple[int, ...]) -> None:
    if array.dtype not in map(np.dtype, dtypes) or array.shape != shape:
        raise CorruptShardError(
            f"Shard is inconsistent: {name} is {array.dtype} {array.shape}, expected {' or '.join(dtypes)} {shape}.",
            hint="quarantine it and train its trials again.",
        )


def _corrupt(source: str, problem: str) -> CorruptShardError:
    return CorruptShardError(
        f"Shard is corrupt: {source} {problem}.",
        hint="`mempipe validate` moves it aside and its trials are planned again.",
    )
