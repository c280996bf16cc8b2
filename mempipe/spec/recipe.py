"""The recipe: how one model of the built-in trainers is trained (Feldman & Zhang 2020, App. B)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mempipe.spec.documents import Strict


class WarmupLinear(Strict):
    """From 0 up to the base rate in the first `warmup` part of the steps, then linearly back to 0 (App. B)."""

    kind: Literal["warmup_linear"] = "warmup_linear"
    warmup: float = Field(0.15, ge=0, lt=1)


class WarmupSteps(Strict):
    """From 0 to the base rate in `warmup_epochs`, then times `factor` at each of `decay_epochs` (ImageNet, App. B)."""

    kind: Literal["warmup_steps"]
    warmup_epochs: float = Field(15, ge=0)
    decay_epochs: tuple[float, ...] = (30, 60, 90)
    factor: float = Field(0.1, gt=0, lt=1)

    @model_validator(mode="after")
    def _ascending(self) -> "WarmupSteps":
        if list(self.decay_epochs) != sorted(set(self.decay_epochs)):
            raise ValueError(f"decay_epochs must ascend, got {list(self.decay_epochs)}")
        return self


class Constant(Strict):
    """The base rate throughout."""

    kind: Literal["constant"]


Schedule = Annotated[WarmupLinear | WarmupSteps | Constant, Field(discriminator="kind")]


class Augmentation(Strict):
    """Random changes to each training image, drawn again in each step; evaluation uses the original images.

    Attributes:
        crop_padding: zeros put around a normalized image, in pixels, before a window of the image's own size is cut
            out; App. B: 4 for CIFAR-100, 32 for ImageNet. That they are zeros, and after normalization, is assumed.
        flip: mirror left and right with probability 1/2 (App. B: CIFAR-100 and ImageNet).
    """

    crop_padding: int = Field(0, ge=0, le=1024)
    flip: bool = False


class Recipe(Strict):
    """How one model is trained: SGD with momentum on cross-entropy (App. B).

    Attributes:
        epochs: passes over the subset; the number of steps is ceil(epochs * m / batch_size) with the nominal m.
        batch_size: examples a step; an epoch may end inside a batch, and no example is dropped.
        learning_rate: base rate, scaled by `schedule` over the steps.
        momentum: 0.9 in the paper.
        nesterov: the paper does not say; assumed off.
        weight_decay: L2 coefficient on kernels, added to the gradient; the paper does not say, assumed 0.
        normalization: `unit` divides pixels by their maximum; `standardize` also subtracts the mean and divides by the
            standard deviation of each channel over the whole training set. The paper does not say: assumed.
        augmentation: of training images; none by default (single trainer only).
    """

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: float = Field(0.0, ge=0)
    schedule: Schedule = WarmupLinear()
    normalization: Literal["unit", "standardize"] = "standardize"
    augmentation: Augmentation = Augmentation()
