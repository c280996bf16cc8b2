"""The subset designs: `uniform` (Algorithm 1, line 1), `balanced` (each example in 10 * ratio of 10), `removal`."""

import base64
from decimal import ROUND_FLOOR
from functools import cache, lru_cache
from itertools import combinations
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from mempipe.errors import SpecError
from mempipe.spec import Subsets
from mempipe.subsets.seeds import Stream, random_order, raw_words

DEAL: Final = 10
"""Trials in one deal of the balanced design."""

Arm = Literal["removal", "control"]
"""An arm of the `removal` design: `removal` trains without the given examples, `control` without as many at random."""

_ARMS: Final[tuple[Arm, ...]] = ("removal", "control")
"""The arms take turns by trial. Committed runs depend on this order."""


def arm_of(trial: int) -> Arm:
    """Return the arm that a trial of the `removal` design belongs to."""
    return _ARMS[trial % len(_ARMS)]


def subset_size(subsets: Subsets, n_train: int) -> int:
    """Return the nominal m: floor(ratio * n) in exact decimal arithmetic; n less what is removed in a `removal`.

    Raises:
        SpecError: the subset, or what a ratio leaves out, would be empty; or `removed` is of another training set.
    """
    if subsets.design == "removal":
        size = n_train - int(removed_mask(subsets, n_train).sum())
        if size == 0:
            raise SpecError("Subset design does not fit: subsets.removed is all examples.", hint="keep some of them.")
        return size
    size = int((subsets.ratio * n_train).to_integral_value(ROUND_FLOOR))
    if not 0 < size < n_train:
        raise SpecError(
            f"Subset design does not fit: subsets.ratio {subsets.ratio} of {n_train} training examples is {size}, "
            f"expected 1 to {n_train - 1}.",
            hint="choose another ratio or a larger training set.",
        )
    return size


def removal(removed: NDArray[np.bool_]) -> Subsets:
    """Return the `removal` design of these examples, bool (n_train,)."""
    packed = np.packbits(removed, bitorder="little").tobytes()
    return Subsets(design="removal", removed=base64.b64encode(packed).decode())


def removed_mask(subsets: Subsets, n_train: int) -> NDArray[np.bool_]:
    """Return which examples a `removal` removes, bool (n_train,).

    Raises:
        SpecError: it was made for a training set of another size.
    """
    packed = np.frombuffer(base64.b64decode(subsets.removed), dtype=np.uint8)
    bits = np.unpackbits(packed, bitorder="little").astype(np.bool_)
    if len(packed) != -(-n_train // 8) or bits[n_train:].any():
        raise SpecError(
            f"Subset design does not fit: subsets.removed is {len(packed)} bytes, "
            f"expected the bits of {n_train} training examples in {-(-n_train // 8)}.",
            hint="a removal belongs to the data set that its experiment was planned for.",
        )
    return bits[:n_train]


def subset_mask(subsets: Subsets, *, n_train: int, seed: int, trial: int) -> NDArray[np.bool_]:
    """Return which training examples a trial sees.

    `uniform`: the m examples with the smallest random words. `balanced`: trials come in deals of 10; in each deal the
    examples are dealt at random, equally often (up to one), over the ways of leaving out 10 - k of 10 trials
    (k = 10 * ratio; 120 ways for 0.7), so that every example is in exactly k of the 10, and each trial alone is a
    random subset of nearly m. `removal`: the trial's arm (`arm_of`) says whether it misses the removed examples or as
    many at random.

    Args:
        subsets: design and ratio.
        n_train: size of the training set.
        seed: the run's entropy.
        trial: number of the trial, from 0.

    Returns:
        bool (n_train,).
    """
    size = subset_size(subsets, n_train)
    if subsets.design == "removal" and arm_of(trial) == "removal":
        return ~removed_mask(subsets, n_train)
    if subsets.design != "balanced":
        return _smallest(raw_words(seed, Stream.SUBSET, trial, count=n_train), size)
    deal, position = divmod(trial, DEAL)
    n_in = int(subsets.ratio * DEAL)
    return _ways(n_in)[:, position][_deal(n_train, n_in, seed, deal)]


def _smallest(words: NDArray[np.uint64], size: int) -> NDArray[np.bool_]:
    """Return which are the `size` smallest words; of equal ones the first."""
    largest = np.partition(words, size - 1)[size - 1]
    mask: NDArray[np.bool_] = words < largest
    tied = np.flatnonzero(words == largest)
    mask[tied[: size - int(mask.sum())]] = True
    return mask


@lru_cache(maxsize=1)
def _deal(n_train: int, n_in: int, seed: int, deal: int) -> NDArray[np.int64]:
    """Return each example's way in one deal; kept for the deal's ten trials."""
    n_ways = len(_ways(n_in))
    words = raw_words(seed, Stream.SUBSET, deal, count=n_ways + n_train)
    ways = np.empty(n_train, dtype=np.int64)
    ways[random_order(words[n_ways:])] = random_order(words[:n_ways])[np.arange(n_train) % n_ways]
    return ways


@cache
def _ways(n_in: int) -> NDArray[np.bool_]:
    """Return bool [way, position in the deal]: every choice of `n_in` of the 10 trials, in lexicographic order."""
    choices = list(combinations(range(DEAL), n_in))
    ways = np.zeros((len(choices), DEAL), dtype=np.bool_)
    for way, positions in enumerate(choices):
        ways[way, list(positions)] = True
    return ways
