"""The spec: what a run estimates, how one model is trained (App. B), and which examples each trial sees."""

import base64
import binascii
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from mempipe.outcomes import REQUIRED, available
from mempipe.spec.documents import Component, Name, Strict


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


class Subsets(Strict):
    """Which examples a trial sees: a fixed-size random subset (Algorithm 1), the balanced design, or a removal.

    Attributes:
        design: `uniform`: independent subsets of exactly m = floor(ratio * n). `balanced`: in each deal of 10 trials
            every example is in exactly 10 * ratio of them. `removal`: trials 0, 2, 4, … see all examples but the
            removed ones, trials 1, 3, 5, … all but as many others, drawn anew for each (Fig. 2): an experiment, from
            which no scores are estimated.
        ratio: m / n, in exact decimal arithmetic; 0.7 in the paper. Not of `removal`.
        removed: of `removal`, which examples: bit i % 8 of byte i // 8 is example i, in base64; `mempipe experiment`
            writes it.
    """

    design: Literal["uniform", "balanced", "removal"] = "uniform"
    ratio: Decimal = Field(Decimal("0.7"), gt=0, lt=1)
    removed: str = ""

    @field_validator("ratio", mode="before")
    @classmethod
    def _exact(cls, value: object) -> object:
        return Decimal(repr(value)) if isinstance(value, float) else value

    @field_validator("ratio")
    @classmethod
    def _canonical(cls, value: Decimal) -> Decimal:
        return value.normalize()

    @field_validator("removed")
    @classmethod
    def _base64(cls, value: str) -> str:
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueError(f"base64 of packed bits ({error})") from error
        return value

    @model_validator(mode="after")
    def _fits_design(self) -> "Subsets":
        if self.design == "balanced" and (self.ratio * 10) % 1 != 0:
            raise ValueError(f"ratio of the balanced design must be a multiple of 0.1, got {self.ratio}")
        if (self.design == "removal") != bool(self.removed):
            raise ValueError("removed belongs to the design `removal`, which needs it")
        if self.design == "removal" and "ratio" in self.model_fields_set and self.ratio != Decimal("0.7"):
            raise ValueError("ratio does not belong to the design `removal`: its size follows from what is removed")
        return self


class Ensemble(Strict):
    """Trains `width` small models at once in one compiled step; short groups are padded to the same width."""

    kind: Literal["ensemble"]
    width: int = Field(50, ge=1, le=4096)
    threads: int = Field(1, ge=1, le=256)


class Single(Strict):
    """Trains any Keras model, one trial after the other, and checkpoints long trials.

    Attributes:
        threads: CPU threads of a process; part of the run key, because sums are split by thread.
        checkpoint_minutes: time between two checkpoints of one trial; not part of the run key.
        replicas: GPUs of one machine that share each batch (App. B: 8 for ImageNet); part of the run key, because
            sums are split by replica, and so are the batches of batch normalization.
    """

    kind: Literal["single"]
    threads: int = Field(1, ge=1, le=256)
    checkpoint_minutes: float = Field(15.0, gt=0)
    replicas: int = Field(1, ge=1, le=64)


Trainer = Annotated[Ensemble | Single, Field(discriminator="kind")]


MAX_TRIALS: Final = 1_000_000
"""A run has at most this many trials."""


class Spec(Strict):
    """Everything that a run needs to know; written once into the run's record.

    Attributes:
        name: names the run and its releases.
        data: the data set and its parameters.
        model: the model and its parameters.
        recipe: how one model is trained.
        trainer: which training loop, and its compiled width or threads.
        precision: `float32`, or Keras' mixed precision (single trainer only).
        subsets: the subset design.
        seed: 64-bit entropy of the run; every stream of every trial derives from it.
        influence: `class` counts pairs of one class (as the authors released); `full` counts all pairs.
        outcomes: what the shards keep of each prediction (`mempipe.outcomes`), ascending, `correct` always among them;
            `margins: true`, as earlier specs have it, adds `margin`.
        estimators: what scores are made with (`mempipe.scores.estimators`); `plain` always, named or not.
        trials: how many trials a plan has, unless `--trials` says otherwise.
        chunk_size: trials in one prediction shard, about 30 to 60 minutes of work.
        task_size: chunks that one task (one pod) trains.
    """

    name: Name
    description: str = ""
    data: Component
    model: Component
    recipe: Recipe
    trainer: Trainer
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    subsets: Subsets = Subsets()
    seed: int = Field(0, ge=0, lt=2**64)
    influence: Literal["class", "full"] = "class"
    outcomes: tuple[str, ...] = (REQUIRED,)
    estimators: tuple[str, ...] = ("plain",)
    trials: int = Field(4000, ge=1, le=MAX_TRIALS)
    chunk_size: int = Field(50, ge=1)
    task_size: int = Field(1, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _margins(cls, values: Any) -> Any:
        """Read `margins`, the key of earlier specs and run records, as an outcome."""
        if not isinstance(values, dict) or "margins" not in values:
            return values
        others = {key: value for key, value in values.items() if key != "margins"}
        margins, outcomes = values["margins"], others.get("outcomes", [REQUIRED])
        if not isinstance(margins, bool) or not isinstance(outcomes, list | tuple):
            raise ValueError(f"margins must be true or false and outcomes a list, got {margins!r} and {outcomes!r}")
        if not margins and "margin" in outcomes:
            raise ValueError("margins must be left out or true where outcomes have margin, got false")
        return others | {"outcomes": [*outcomes, "margin"]} if margins else others

    @field_validator("outcomes")
    @classmethod
    def _known_outcomes(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if REQUIRED not in names or not set(names) <= set(available()):
            raise ValueError(f"{REQUIRED}, and any of {', '.join(name for name in available() if name != REQUIRED)}")
        return tuple(sorted(set(names)))

    @model_validator(mode="after")
    def _fits_trainer(self) -> "Spec":
        if isinstance(self.trainer, Ensemble):
            if self.precision != "float32":
                raise ValueError(f"precision of the ensemble trainer must be float32, got {self.precision}")
            if self.recipe.augmentation != Augmentation():
                raise ValueError(
                    "recipe.augmentation of the ensemble trainer must be none; trainer.kind: single has it"
                )
        elif self.trainer.replicas > 1:
            if self.recipe.batch_size % self.trainer.replicas:
                raise ValueError(
                    f"recipe.batch_size must be a multiple of trainer.replicas {self.trainer.replicas}, "
                    f"got {self.recipe.batch_size}"
                )
            if self.precision == "mixed_float16":
                raise ValueError("precision with trainer.replicas above 1 must be float32 or mixed_bfloat16")
        return self
