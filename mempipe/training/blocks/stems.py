"""The stems of residual networks and what images they take; loads nothing heavy."""

from typing import Final, Literal

Stem = Literal["cifar", "imagenet"]

_DIVISORS: Final[dict[Stem, int]] = {"cifar": 8, "imagenet": 32}


def too_small(stem: Stem, image_shape: tuple[int, int, int]) -> str | None:
    """Return what is wrong with images smaller than what stem and stages divide them by, or None."""
    least = _DIVISORS[stem]
    if min(image_shape[:2]) >= least:
        return None
    return f"stem is {stem}, expected images of at least {least} x {least}, got {image_shape[0]} x {image_shape[1]}"
