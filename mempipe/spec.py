"""The spec: what a run estimates, from YAML, unknown keys refused; and the run key, a hash of what changes results.

Two specs with the same run key give the same trials. How many trials, in which chunks, on which machine and in which
store is not part of the key, so a run can be extended, resumed and moved.
"""

import hashlib
import json
import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mempipe.errors import InputError, SpecError

NUMERICS_VERSION: Final = 1
"""Raised whenever a change of ours alters a result: trials of different versions never mix."""

MAX_TRIALS: Final = 1_000_000
"""A run has at most this many trials."""

_LATER_KEYS: Final = (
    ("recipe", "augmentation", {"crop_padding": 0, "flip": False}),
    ("trainer", "replicas", 1),
)
"""Part, key and default in JSON of what came after the first runs; the defaults here never change."""

Model = TypeVar("Model", bound=BaseModel)

_NAME: Final = r"^[a-z0-9][a-z0-9_-]{0,62}$"
Name = Annotated[str, Field(pattern=_NAME)]


class Strict(BaseModel):
    """A part of a spec: unknown keys are errors, and nothing changes after it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Component(BaseModel):
    """A data set or a model chosen by name; its own file defines and checks the other keys."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    def params(self) -> dict[str, Any]:
        """Return the keys beside `name`."""
        return dict(self.model_extra or {})


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
    """What a step does to each of its training images, at random and anew each time; evaluation sees them as they are.

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
        augmentation: of training images; none unless asked for (single trainer only).
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


class Subsets(Strict):
    """Which examples a trial sees: a fixed-size random subset (Algorithm 1), or the balanced design.

    Attributes:
        design: `uniform`: independent subsets of exactly m = floor(ratio * n). `balanced`: in each deal of 10 trials
            every example is in exactly 10 * ratio of them.
        ratio: m / n, in exact decimal arithmetic; 0.7 in the paper.
    """

    design: Literal["uniform", "balanced"] = "uniform"
    ratio: Decimal = Field(Decimal("0.7"), gt=0, lt=1)

    @field_validator("ratio", mode="before")
    @classmethod
    def _exact(cls, value: object) -> object:
        return Decimal(repr(value)) if isinstance(value, float) else value

    @field_validator("ratio")
    @classmethod
    def _canonical(cls, value: Decimal) -> Decimal:
        return value.normalize()

    @model_validator(mode="after")
    def _tenths(self) -> "Subsets":
        if self.design == "balanced" and (self.ratio * 10) % 1 != 0:
            raise ValueError(f"ratio of the balanced design must be a multiple of 0.1, got {self.ratio}")
        return self


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
        margins: also keep log p_y - log(1 - p_y) of each prediction in the shards (float16).
        trials: how many trials a plan asks for unless told otherwise.
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
    margins: bool = False
    trials: int = Field(4000, ge=1, le=MAX_TRIALS)
    chunk_size: int = Field(50, ge=1)
    task_size: int = Field(1, ge=1)

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


def parse_spec(text: str, *, source: str) -> Spec:
    """Read a spec from YAML.

    Args:
        text: the YAML document.
        source: where it came from, for messages.

    Raises:
        SpecError: the text is no YAML mapping, a key is unknown, given twice or missing, or a value is out of range.
    """
    try:
        document = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader, see below
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise SpecError(f"Spec cannot be read: {source} is no valid YAML ({problem}).", hint="correct it.") from error
    if not isinstance(document, dict):
        raise SpecError(
            f"Spec cannot be read: {source} is {type(document).__name__}, expected a mapping of keys.",
            hint="start from a file in specs/.",
        )
    return validated(Spec, document, source=source)


def validated(kind: type[Model], values: dict[str, Any], *, source: str, prefix: str = "") -> Model:
    """Return `values` as a `kind`, or raise one `SpecError` that lists every problem with its key."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = [_problem(dict(item), prefix) for item in error.errors()]
        raise SpecError(
            f"Spec cannot be used: {source} {'; '.join(problems)}.",
            hint="correct these keys; docs/spec.md lists every key and its default.",
        ) from error


def checked_name(name: str) -> str:
    """Return `name` if a run or a release may be called so.

    Raises:
        InputError: it may not.
    """
    if re.fullmatch(_NAME, name) is None:
        raise InputError(
            f"Name cannot be used: it is {name!r}, expected 1 to 63 small letters, digits, '-' or '_', "
            "beginning with a letter or digit.",
            hint="choose another --name.",
        )
    return name


def run_key(spec: Spec, *, data_fingerprint: str) -> str:
    """Return the run key: SHA-256 (hex) of what changes a trial's bytes.

    A key of the spec that is younger than this hash is left out while it has its default, which is what was done before
    the key existed: old runs keep their run keys.

    Args:
        spec: a resolved spec: the parameters of its model are complete.
        data_fingerprint: content and order of the data set.
    """
    parts: dict[str, Any] = {
        "numerics_version": NUMERICS_VERSION,
        "data_fingerprint": data_fingerprint,
        "model": spec.model.model_dump(mode="json"),
        "recipe": spec.recipe.model_dump(mode="json"),
        "trainer": spec.trainer.model_dump(mode="json", exclude={"checkpoint_minutes"}),
        "precision": spec.precision,
        "subsets": spec.subsets.model_dump(mode="json"),
        "seed": spec.seed,
    }
    for part, key, default in _LATER_KEYS:
        if parts[part].get(key) == default:
            del parts[part][key]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _problem(item: dict[str, Any], prefix: str) -> str:
    key = ".".join([prefix, *(str(part) for part in item["loc"])] if prefix else [str(part) for part in item["loc"]])
    match item["type"]:
        case "extra_forbidden":
            return f"{key} is an unknown key"
        case "missing":
            return f"{key} is missing"
        case _:
            message = str(item["msg"]).removeprefix("Value error, ")
            return f"{key or 'spec'} is {item['input']!r}, expected: {message}"


class _UniqueKeyLoader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice."""


def _unique_mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key_node, _ in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key is no plain text", key_node.start_mark)
        if key_node.value in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key_node.value!r} is given twice", key_node.start_mark
            )
        seen.add(key_node.value)
    return loader.construct_mapping(node, deep=True)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)
