"""Which training loop a run uses: the part `trainer` of a spec."""

from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, model_validator

from mempipe.spec.documents import Strict

_OUTCOMES: Final = {
    "margins": frozenset({"correct", "margin", "prediction"}),
    "correctness": frozenset({"correct"}),
}
"""Outcomes that an own trainer's output suffices for; logits suffice for all."""


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


class Own(Strict):
    """Runs training code of the user: a Python function, or a program in any language (docs/own-trainer.md).

    Attributes:
        entry: `package.module:function`, called once in each task's process; or
        command: a program and its arguments, started once for each trial.
        version: names the code and its environment, such as a tag, a commit or an image digest. Part of the run key:
            change it whenever a trial could come out differently.
        params: given to the trainer as they are; part of the run key.
        output: what the trainer gives of each example: `logits`, `margins` (with predicted classes) or `correctness`.
        deterministic: whether a trial that is trained again gives the same bytes on equal hardware. If not, the first
            commit of a chunk stays.
        threads: CPU threads of a process; part of the run key, because sums are split by thread.
        silence_minutes: a trainer that neither reports progress nor ends a trial for so long is stopped; not part of
            the run key.
        memory_gb: a trainer that holds more memory (10^9 bytes) is stopped; None: nine tenths of what the machine or
            the pod has; not part of the run key.
        checkpoint_minutes: least time between two checkpoints of one trial; not part of the run key.
    """

    kind: Literal["own"]
    entry: str = Field("", pattern=r"^(\w+(\.\w+)*:\w+(\.\w+)*)?$")
    command: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    version: str = Field(min_length=1, max_length=200)
    params: dict[str, JsonValue] = Field(default_factory=dict)
    output: Literal["logits", "margins", "correctness"] = "logits"
    deterministic: bool = True
    threads: int = Field(1, ge=1, le=256)
    silence_minutes: float = Field(60.0, gt=0)
    memory_gb: float | None = Field(None, gt=0)
    checkpoint_minutes: float = Field(15.0, gt=0)

    @model_validator(mode="after")
    def _one_form(self) -> "Own":
        if bool(self.entry) == bool(self.command):
            raise ValueError("trainer.kind own needs one of entry and command")
        return self

    def gives(self, outcome: str) -> bool:
        """Return whether the outcome of this name can be computed from what the trainer gives."""
        return self.output == "logits" or outcome in _OUTCOMES[self.output]

    @property
    def label(self) -> str:
        """What messages call the trainer: its entry, or its program."""
        return self.entry or self.command[0]


class Fastest(Strict):
    """Leaves the choice between `single` and `ensemble` to the plan of a new run; the run's record names the choice.

    Attributes:
        width: of the ensemble, if it is chosen.
        threads: CPU threads of a process, whatever is chosen.
    """

    kind: Literal["fastest"]
    width: int = Field(50, ge=1, le=4096)
    threads: int = Field(1, ge=1, le=256)


Trainer = Annotated[Ensemble | Single | Own | Fastest, Field(discriminator="kind")]

UNKEYED: Final = frozenset({"checkpoint_minutes", "silence_minutes", "memory_gb"})
"""Keys of a trainer that change no result: they are not part of the run key."""
