"""The spec: what a run estimates, how one model is trained, and which examples each trial sees."""

import base64
import binascii
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from mempipe.errors import SpecError
from mempipe.outcomes import REQUIRED, available
from mempipe.spec.documents import Component, Name, Strict
from mempipe.spec.recipe import Augmentation, Evaluation, Recipe
from mempipe.spec.trainers import Ensemble, Fastest, Own, Single, Trainer


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


MAX_TRIALS: Final = 1_000_000
"""A run has at most this many trials."""


class Spec(Strict):
    """Everything that a run needs to know; written once into the run's record.

    Attributes:
        name: names the run and its releases.
        data: the data set and its parameters.
        model: the model and its parameters; None with a trainer of the user's own.
        recipe: how one model is trained; None with a trainer of the user's own.
        trainer: which training loop, and its compiled width or threads; or the user's own; or the faster one, which the
            plan of a run chooses.
        precision: `float32`, or Keras' mixed precision (single trainer only).
        subsets: the subset design.
        seed: 64-bit entropy of the run; every stream of every trial derives from it.
        influence: `class` counts pairs of one class (as the authors released); `full` counts all pairs.
        outcomes: what the shards keep of each prediction (`mempipe.outcomes`), ascending, `correct` always among them;
            `margins: true`, as earlier specs have it, adds `margin`. None: the plan of a new run decides by size
            (`mempipe.runs.bank`), and its record says which.
        estimators: what scores are made with (`mempipe.scores.estimators`); `plain` always, named or not.
        trials: how many trials a plan has, unless `--trials` says otherwise.
        chunk_size: trials in one prediction shard, about 30 to 60 minutes of work.
        task_size: chunks that one task (one pod) trains.
    """

    name: Name
    description: str = ""
    data: Component
    model: Component | None = None
    recipe: Recipe | None = None
    trainer: Trainer
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    subsets: Subsets = Subsets()
    seed: int = Field(0, ge=0, lt=2**64)
    influence: Literal["class", "full"] = "class"
    outcomes: tuple[str, ...] | None = None
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
        margins, outcomes = values["margins"], others.get("outcomes")
        if outcomes is None:
            outcomes = [REQUIRED]
        if not isinstance(margins, bool) or not isinstance(outcomes, list | tuple):
            raise ValueError(f"margins must be true or false and outcomes a list, got {margins!r} and {outcomes!r}")
        if not margins and "margin" in outcomes:
            raise ValueError("margins must be left out or true where outcomes have margin, got false")
        return others | {"outcomes": [*outcomes, "margin"] if margins else outcomes}

    @field_validator("outcomes")
    @classmethod
    def _known_outcomes(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names is None:
            return None
        if REQUIRED not in names or not set(names) <= set(available()):
            raise ValueError(f"{REQUIRED}, and any of {', '.join(name for name in available() if name != REQUIRED)}")
        return tuple(sorted(set(names)))

    @model_validator(mode="after")
    def _fits_trainer(self) -> "Spec":
        given = [name for name in ("model", "recipe") if getattr(self, name) is not None]
        if isinstance(self.trainer, Own):
            if given or self.precision != "float32":
                raise ValueError(
                    f"{' and '.join(given) or 'precision'} must be left out with trainer.kind own: "
                    "its code decides, and trainer.params can say so"
                )
            if lacking := [name for name in self.kept_outcomes if not self.trainer.gives(name)]:
                raise ValueError(
                    f"outcomes must be what trainer.output {self.trainer.output} suffices for, got {lacking[0]}"
                )
            return self
        if len(given) < 2 or self.recipe is None:
            raise ValueError(f"model and recipe are needed with trainer.kind {self.trainer.kind}")
        epochs = [phase.epochs for phase in self.recipe.sizes]
        if epochs and sum(epochs) != self.recipe.epochs:
            raise ValueError(f"epochs of recipe.sizes must add up to epochs {self.recipe.epochs}, got {epochs}")
        if isinstance(self.trainer, Ensemble):
            if self.precision != "float32":
                raise ValueError(f"precision of the ensemble trainer must be float32, got {self.precision}")
            for key, default in {"augmentation": Augmentation(), "sizes": (), "evaluation": Evaluation()}.items():
                if getattr(self.recipe, key) != default:
                    raise ValueError(
                        f"recipe.{key} of the ensemble trainer must be left out; trainer.kind: single has it"
                    )
        elif isinstance(self.trainer, Single) and self.trainer.replicas > 1:
            if self.recipe.batch_size % self.trainer.replicas:
                raise ValueError(
                    f"recipe.batch_size must be a multiple of trainer.replicas {self.trainer.replicas}, "
                    f"got {self.recipe.batch_size}"
                )
            if self.precision == "mixed_float16":
                raise ValueError("precision with trainer.replicas above 1 must be float32 or mixed_bfloat16")
        return self

    @property
    def kept_outcomes(self) -> tuple[str, ...]:
        """What the shards keep; of a spec that does not say, and whose run is not planned yet, correctness."""
        return self.outcomes or (REQUIRED,)

    @property
    def named_trainer(self) -> Ensemble | Single | Own:
        """The trainer, where the spec or a plan names it.

        Raises:
            SpecError: it is still to be chosen.
        """
        if isinstance(self.trainer, Fastest):
            raise SpecError(
                f"Spec cannot be used here: {self.name} trainer.kind is fastest, expected a trainer by its name.",
                hint="name single or ensemble; `mempipe check` says which is faster.",
            )
        return self.trainer

    def built_in(self) -> tuple[Component, Recipe]:
        """Return the model and the recipe of a built-in trainer.

        Raises:
            SpecError: the trainer is the user's own.
        """
        if self.model is None or self.recipe is None:
            raise SpecError(
                f"Spec cannot be used here: {self.name} trainer.kind is {self.trainer.kind}, expected a built-in "
                "trainer, single or ensemble.",
                hint="choose a run whose model and recipe mempipe knows.",
            )
        return self.model, self.recipe
