"""Memorization and influence scores of neural networks (Feldman & Zhang 2020), computed and published."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mempipe.release.load import Release, load_release

__version__ = "0.1.0"

__all__ = ["Release", "__version__", "load_release"]


def __getattr__(name: str) -> object:
    """Import the reader of releases when it is asked for, so that importing mempipe costs nothing."""
    if name in {"Release", "load_release"}:
        from mempipe.release import load

        return getattr(load, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
