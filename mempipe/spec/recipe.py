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


class Cosine(Strict):
    """From 0 up to the base rate in the first `warmup` part of the steps, then half a cosine down to `final` of it."""

    kind: Literal["cosine"]
    warmup: float = Field(0.0, ge=0, lt=1)
    final: float = Field(0.0, ge=0, le=1)


class Triangular(Strict):
    """Linear from `start` of the base rate up to all of it at `peak` of the steps, then linear down to `final` of it.

    The defaults are those of the 94 % recipe of Jordan 2024 (arXiv:2404.00498).
    """

    kind: Literal["triangular"]
    start: float = Field(0.2, ge=0, le=1)
    peak: float = Field(0.23, ge=0, lt=1)
    final: float = Field(0.07, ge=0, le=1)


Schedule = Annotated[WarmupLinear | WarmupSteps | Constant | Cosine | Triangular, Field(discriminator="kind")]


class Augmentation(Strict):
    """Random changes to each training image, drawn again in each step; evaluation uses the original images.

    Attributes:
        crop_padding: zeros put around a normalized image, in pixels, before a window of the image's own size is cut
            out; App. B: 4 for CIFAR-100, 32 for ImageNet. That they are zeros, and after normalization, is assumed.
        crop_fill: what is put around an image: `zeros`, or `reflect`, the image mirrored at its border (Jordan 2024).
        flip: mirror left and right with probability 1/2 (App. B: CIFAR-100 and ImageNet). `alternating`: a coin decides
            for each example's first epoch, and every later epoch shows the other side (Jordan 2024, section 3.6).
        cutout: side of a square of zeros put into each image after crop and flip, all of it inside the image, each
            place equally likely; 0: none.
    """

    crop_padding: int = Field(0, ge=0, le=1024)
    crop_fill: Literal["zeros", "reflect"] = "zeros"
    flip: bool | Literal["alternating"] = False
    cutout: int = Field(0, ge=0, le=1024)


class Phase(Strict):
    """Epochs in which training images have one size.

    Attributes:
        epochs: how many; the phases of a recipe add up to its epochs.
        size: height in pixels; the width keeps the proportion. Images are cropped, mirrored and cut out at their own
            size, then resized.
    """

    epochs: int = Field(ge=1)
    size: int = Field(ge=1, le=4096)


class Evaluation(Strict):
    """How logits of a trained model are computed.

    Attributes:
        flip: the mean of the logits of an image and of its mirror image; judging then costs twice as much.
    """

    flip: bool = False


class Recipe(Strict):
    """How one model is trained: SGD with momentum on cross-entropy (App. B).

    Attributes:
        epochs: passes over the subset; the number of steps is ceil(epochs * m / batch_size) with the nominal m.
        batch_size: examples a step; an epoch may end inside a batch, and no example is dropped.
        learning_rate: base rate, scaled by `schedule` over the steps.
        momentum: 0.9 in the paper.
        nesterov: the paper does not say; assumed off.
        weight_decay: L2 coefficient, added to the gradient; the paper does not say, assumed 0.
        decay_scope: what weight decay acts on: `kernels`, or `all` trainable variables, so also biases and the scales
            and offsets of normalization.
        bias_rate: the gradient of the loss by biases and by offsets of normalization is multiplied by it: their
            learning rate in proportion to that of all else. Their weight decay is not multiplied (Jordan 2024: 64).
        label_smoothing: part of each label that is spread evenly over all classes; the loss only, judging never.
        normalization: `unit` divides pixels by their maximum; `standardize` also subtracts the mean and divides by the
            standard deviation of each channel over the whole training set. The paper does not say: assumed.
        augmentation: of training images; none by default (single trainer only).
        sizes: sizes of training images, phase after phase; none: their own size throughout (single trainer only).
            Models are judged on images of their own size.
        evaluation: how a trained model is judged (single trainer only).
    """

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: float = Field(0.0, ge=0)
    decay_scope: Literal["kernels", "all"] = "kernels"
    bias_rate: float = Field(1.0, gt=0)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    schedule: Schedule = WarmupLinear()
    normalization: Literal["unit", "standardize"] = "standardize"
    augmentation: Augmentation = Augmentation()
    sizes: tuple[Phase, ...] = ()
    evaluation: Evaluation = Evaluation()
