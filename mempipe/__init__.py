"""Memorization and influence scores of neural networks (Feldman & Zhang 2020), computed and published."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mempipe.catalog.bank import Bank, open_run
    from mempipe.release.load import Release, load_release
    from mempipe.release.open_scores import open_scores
    from mempipe.steps.run import run
    from mempipe.steps.score import score_arrays as score

__version__ = "0.1.0"

__all__ = ["Bank", "Release", "__version__", "load_release", "open_run", "open_scores", "run", "score"]

_PUBLIC: Final = {
    "Bank": ("mempipe.catalog.bank", "Bank"),
    "Release": ("mempipe.release.load", "Release"),
    "load_release": ("mempipe.release.load", "load_release"),
    "open_run": ("mempipe.catalog.bank", "open_run"),
    "open_scores": ("mempipe.release.open_scores", "open_scores"),
    "run": ("mempipe.steps.run", "run"),
    "score": ("mempipe.steps.score", "score_arrays"),
}


def __getattr__(name: str) -> object:
    """Import a public name when it is used, so that importing mempipe costs nothing."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _PUBLIC[name]
    return getattr(import_module(module), attribute)
