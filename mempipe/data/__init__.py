"""Data sets in their own, never shuffled order, each bound by a fingerprint of content and order."""

from mempipe.data.dataset import Dataset
from mempipe.data.registry import load_dataset, resolve_data

__all__ = ["Dataset", "load_dataset", "resolve_data"]
