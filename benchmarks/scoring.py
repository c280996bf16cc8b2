"""The estimator beside the textbook one: two matrix products in numpy, on the same arrays in one run."""

import resource
import subprocess
import sys
import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

N_TRIALS: Final = 2000
N_CLASSES: Final = 10
CLASS_WISE: Final = (60_000, 10_000)
"""Train and test examples: MNIST's size."""
ALL_PAIRS: Final = (30_000, 5_000)
"""A quarter of MNIST's pairs: the textbook estimator of all of them would need 10 GB."""


def arrays(size: tuple[int, int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Return (subset_mask, test_correct, train_labels, test_labels) of a made-up run."""
    random = np.random.default_rng(0)
    n_train, n_test = size
    mask = random.random((N_TRIALS, n_train), dtype=np.float32) < 0.7
    correct = random.random((N_TRIALS, n_test), dtype=np.float32) < 0.95
    return mask, correct, np.arange(n_train) % N_CLASSES, np.arange(n_test) % N_CLASSES


def textbook() -> float:
    """Estimate the influence of all same-label pairs by two float32 matrix products for each class."""
    mask, correct, train_labels, test_labels = arrays(CLASS_WISE)
    begun = time.perf_counter()
    for label in range(N_CLASSES):
        seen = mask[:, train_labels == label].astype(np.float32)
        right = correct[:, test_labels == label].astype(np.float32)
        held_out = 1 - seen
        influence = seen.T @ right / seen.sum(axis=0)[:, None] - held_out.T @ right / held_out.sum(axis=0)[:, None]
        assert np.isfinite(influence).all()  # noqa: S101
    return time.perf_counter() - begun


def textbook_all_pairs() -> float:
    """The same for all pairs at once, as the equation is usually written."""
    mask, correct, _, _ = arrays(ALL_PAIRS)
    begun = time.perf_counter()
    seen, right = mask.astype(np.float32), correct.astype(np.float32)
    held_out = 1 - seen
    influence = seen.T @ right / seen.sum(axis=0)[:, None] - held_out.T @ right / held_out.sum(axis=0)[:, None]
    assert np.isfinite(influence).all()  # noqa: S101
    return time.perf_counter() - begun


def ours(scope: str = "class", size: tuple[int, int] = CLASS_WISE) -> float:
    """Estimate the same from bits: pack, transpose, AND, popcount, with compilation."""
    from mempipe.bits import pack
    from mempipe.scores.count import count_blocks, count_examples
    from mempipe.scores.estimate import influence
    from mempipe.scores.tally import Scope, TrialBatch, blocks_of

    mask, correct, train_labels, test_labels = arrays(size)
    n_train, n_test = size
    begun = time.perf_counter()
    batch = TrialBatch(np.arange(N_TRIALS), pack(mask), {"correct": pack(mask)}, {"correct": pack(correct)})
    examples = count_examples([batch], source="bench", n_train=n_train, n_test=n_test)
    blocks = blocks_of(train_labels, test_labels, Scope(scope))
    for tally in count_blocks(lambda: [batch], blocks, source="bench", n_train=n_train, n_test=n_test):
        assert np.isfinite(influence(tally, examples)).all()  # noqa: S101
    return time.perf_counter() - begun


def ours_all_pairs() -> float:
    """All pairs, by the same code."""
    return ours("full", ALL_PAIRS)


def measure() -> dict[str, dict[str, float]]:
    """Run each variant in a process of its own; return seconds and peak memory (MiB)."""
    results = {}
    for name in ("textbook", "ours", "textbook_all_pairs", "ours_all_pairs"):
        command = [sys.executable, "-m", "benchmarks.scoring", name]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        results[name] = {"seconds": float(out[0]), "peak_mib": float(out[1])}
    return results


def _main(name: str) -> None:
    variants: dict[str, Any] = {
        "textbook": textbook,
        "ours": ours,
        "textbook_all_pairs": textbook_all_pairs,
        "ours_all_pairs": ours_all_pairs,
    }
    print(variants[name](), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    _main(sys.argv[1])
