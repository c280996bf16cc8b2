"""`run.json`: the resolved spec and the data set's identity, written once; later steps read it, never the YAML."""

from typing import Literal

from pydantic import ValidationError

from mempipe.errors import RunError
from mempipe.spec import Spec, Strict


class DataInfo(Strict):
    """What later steps must know of the data set without reading its images.

    Attributes:
        name: of the data set.
        fingerprint: SHA-256 of content and order.
        n_train, n_test: sizes.
        class_names: one a label.
        image_shape: (height, width, channels).
        source, license: for the card.
    """

    name: str
    fingerprint: str
    n_train: int
    n_test: int
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    source: str = ""
    license: str | None = None


class RunRecord(Strict):
    """The record of a run.

    Attributes:
        run_key: hash of what changes results (`mempipe.spec.run_key`).
        numerics_version: of the code that planned the run.
        spec: resolved; its chunk_size is the run's chunk grid.
        data: the data set's identity.
        subset_size: nominal m.
    """

    schema_version: Literal[1] = 1
    run_key: str
    numerics_version: int
    spec: Spec
    data: DataInfo
    subset_size: int

    def to_json(self) -> bytes:
        """Return the record's bytes, equal for equal records."""
        return (self.model_dump_json(indent=2) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, *, source: str) -> "RunRecord":
        """Read a record; `RunError` where it is no record of this schema."""
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise RunError(
                f"Run record cannot be used: {source} {where or 'content'} {first['msg']}.",
                hint="the run was written by another version of mempipe, or is damaged; plan it again in a new store.",
            ) from error
