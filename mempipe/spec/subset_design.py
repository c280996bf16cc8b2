"""Which examples a trial sees: the part `subsets` of a spec."""

import base64
import binascii
from decimal import Decimal
from typing import Literal

from pydantic import Field, field_validator, model_validator

from mempipe.spec.documents import Strict


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
