"""Parameters that residual networks share: the stem, and the image sizes that it accepts. Imports nothing heavy."""

from typing import Final, Literal

from mempipe.spec import Strict
from mempipe.training.blocks.sizes import too_small

Stem = Literal["cifar", "imagenet"]

_DIVISORS: Final[dict[Stem, int]] = {"cifar": 8, "imagenet": 32}


class StemParams(Strict):
    """Keys of a residual network.

    Attributes:
        stem: `imagenet`: 7 x 7 convolution of stride 2 and max pooling, as published; `cifar`: one 3 x 3 convolution
            instead (Feldman & Zhang 2020, App. B).
    """

    stem: Stem = "cifar"


def misfit(params: StemParams, image_shape: tuple[int, int, int], n_classes: int) -> str | None:  # noqa: ARG001
    """Return what does not fit: images smaller than what stem and stages divide them by; or None."""
    return too_small(image_shape, least=_DIVISORS[params.stem], because=f"stem is {params.stem}")
