"""Which training examples a trial sees: a pure function of (seed, trial), the same on every machine."""

from mempipe.subsets.design import Arm, arm_of, removal, removed_mask, subset_mask, subset_size
from mempipe.subsets.seeds import Stream, random_order, raw_words, stream_seed

__all__ = [
    "Arm",
    "Stream",
    "arm_of",
    "random_order",
    "raw_words",
    "removal",
    "removed_mask",
    "stream_seed",
    "subset_mask",
    "subset_size",
]
