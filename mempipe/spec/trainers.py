"""Which training loop a run uses, and what of it changes results."""

from typing import Annotated, Literal

from pydantic import Field

from mempipe.spec.strict import Strict


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
