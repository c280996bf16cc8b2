"""The prediction shard: what a chunk of trials saw and got right; the only contract between training and scores.

A shard is a plain npz that `numpy.load(allow_pickle=False)` reads. Bits are packed along the examples, first example
in the lowest bit (`numpy.unpackbits(..., bitorder="little")`). Equal content gives equal bytes.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import CorruptShardError
from mempipe.npz import UnreadableNpzError, decode_checked, encode_checked

FORMAT_VERSION: Final = 1
_REQUIRED: Final = frozenset(
    {
        "format_version",
        "run_key",
        "data_fingerprint",
        "numerics_version",
        "n_train",
        "n_test",
        "trials",
        "subset_mask",
        "train_correct",
        "test_correct",
    }
)
_OPTIONAL: Final = frozenset({"train_margin", "test_margin"})


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
        train_correct, test_correct: uint8 (c, ceil(n / 8)), packed; correctness 1[h(x) = y].
        train_margin, test_margin: float16 (c, n) or None; log p_y - log(1 - p_y).
    """

    run_key: str
    data_fingerprint: str
    numerics_version: int
    n_train: int
    n_test: int
    trials: NDArray[np.int64]
    subset_mask: NDArray[np.uint8]
    train_correct: NDArray[np.uint8]
    test_correct: NDArray[np.uint8]
    train_margin: NDArray[np.float16] | None = None
    test_margin: NDArray[np.float16] | None = None

    def __post_init__(self) -> None:
        """Check every dtype and shape, so that no inconsistent shard exists in memory."""
        c = len(self.trials)
        packed_train, packed_test = (c, packed_width(self.n_train)), (c, packed_width(self.n_test))
        _expect("trials", self.trials, np.int64, (c,))
        _expect("subset_mask", self.subset_mask, np.uint8, packed_train)
        _expect("train_correct", self.train_correct, np.uint8, packed_train)
        _expect("test_correct", self.test_correct, np.uint8, packed_test)
        for name, margin, n in (("train", self.train_margin, self.n_train), ("test", self.test_margin, self.n_test)):
            if margin is not None:
                _expect(f"{name}_margin", margin, np.float16, (c, n))
        if c == 0 or not np.array_equal(self.trials, np.arange(self.trials[0], self.trials[0] + c)):
            raise CorruptShardError(
                f"Shard is inconsistent: trials are {self.trials.tolist()[:5]}…, expected consecutive numbers.",
                hint="the shard was not written by mempipe; quarantine it and train its trials again.",
            )


def packed_width(n: int) -> int:
    """Return the number of bytes that hold `n` bits: ceil(n / 8)."""
    return -(-n // 8)


def pack(rows: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pack bool [trial, example] into bits along the examples, first example lowest; spare bits are 0."""
    return np.packbits(rows, axis=-1, bitorder="little")


def unpack(rows: NDArray[np.uint8], n: int) -> NDArray[np.bool_]:
    """Return bool [trial, example] of packed rows of `n` examples."""
    return np.unpackbits(rows, axis=-1, count=n, bitorder="little").astype(np.bool_)


def encode(shard: Shard) -> bytes:
    """Return the shard's bytes; equal shards give equal bytes on every machine."""
    values: dict[str, Any] = {
        "format_version": np.int64(FORMAT_VERSION),
        "run_key": np.str_(shard.run_key),
        "data_fingerprint": np.str_(shard.data_fingerprint),
        "numerics_version": np.int64(shard.numerics_version),
        "n_train": np.int64(shard.n_train),
        "n_test": np.int64(shard.n_test),
        "trials": shard.trials,
        "subset_mask": shard.subset_mask,
        "train_correct": shard.train_correct,
        "test_correct": shard.test_correct,
    }
    if shard.train_margin is not None and shard.test_margin is not None:
        values |= {"train_margin": shard.train_margin, "test_margin": shard.test_margin}
    arrays: dict[str, NDArray[Any]] = {name: np.asarray(value) for name, value in values.items()}
    return encode_checked(arrays)


def decode(content: bytes, *, source: str) -> Shard:
    """Read a shard and check that its bytes are whole.

    Args:
        content: the object's bytes.
        source: its URI, for messages.

    Raises:
        CorruptShardError: truncated, damaged, of another format, or its arrays contradict each other.
    """
    try:
        arrays = decode_checked(content)
    except UnreadableNpzError as error:
        raise _corrupt(source, str(error)) from error
    names = frozenset(arrays)
    if not _REQUIRED <= names <= _REQUIRED | _OPTIONAL:
        raise _corrupt(source, f"arrays are {sorted(names)}, expected {sorted(_REQUIRED)}")
    if arrays["format_version"] != np.int64(FORMAT_VERSION):
        raise _corrupt(source, f"format_version is {arrays['format_version']}, expected {FORMAT_VERSION}")
    try:
        return Shard(
            run_key=str(arrays["run_key"]),
            data_fingerprint=str(arrays["data_fingerprint"]),
            numerics_version=int(arrays["numerics_version"]),
            n_train=int(arrays["n_train"]),
            n_test=int(arrays["n_test"]),
            trials=arrays["trials"],
            subset_mask=arrays["subset_mask"],
            train_correct=arrays["train_correct"],
            test_correct=arrays["test_correct"],
            train_margin=arrays.get("train_margin"),
            test_margin=arrays.get("test_margin"),
        )
    except CorruptShardError as error:
        raise _corrupt(source, error.message) from error
    except (TypeError, ValueError) as error:
        raise _corrupt(source, f"holds a value of another type ({error})") from error


def _expect(name: str, array: NDArray[Any], dtype: type, shape: tuple[int, ...]) -> None:
    if array.dtype != np.dtype(dtype) or array.shape != shape:
        raise CorruptShardError(
            f"Shard is inconsistent: {name} is {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}.",
            hint="quarantine it and train its trials again.",
        )


def _corrupt(source: str, problem: str) -> CorruptShardError:
    return CorruptShardError(
        f"Shard is corrupt: {source} {problem}.",
        hint="`mempipe validate` moves it aside and its trials are planned again.",
    )
