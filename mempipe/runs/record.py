"""`run.json`: the resolved spec and the data set's identity, written once; later steps read it, never the YAML."""

from typing import Any, ClassVar

from pydantic import Field, model_validator

from mempipe.errors import LaterVersionError, MempipeError, RunError
from mempipe.spec import Document, Spec, Stored, without_later_keys


class DataInfo(Stored):
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


class RunRecord(Document):
    """The record of a run.

    Attributes:
        run_key: hash of what changes results (`mempipe.spec.run_key`).
        numerics_version: of the code that planned the run.
        spec: resolved; its chunk_size is the run's chunk grid.
        data: the data set's identity.
        subset_size: nominal m.
        later_keys: of the spec, which a later version of mempipe added; nothing is known of what they mean.
    """

    FAILURE: ClassVar[str] = "Run record cannot be used"
    ERROR: ClassVar[type[MempipeError]] = RunError
    HINT: ClassVar[str] = (
        "the run was written by another version of mempipe, or is damaged; plan it again in a new store."
    )

    run_key: str
    numerics_version: int
    spec: Spec
    data: DataInfo
    subset_size: int
    later_keys: tuple[str, ...] = Field((), exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _set_later_keys_aside(cls, values: Any) -> Any:
        """Read a spec of a later version as far as it is known; a user's spec with an unknown key is refused."""
        if isinstance(values, dict) and isinstance(values.get("spec"), dict):
            spec, later = without_later_keys(Spec, values["spec"])
            return {**values, "spec": spec, "later_keys": later}
        return values

    def require_known_spec(self, run_uri: str) -> None:
        """Refuse to train or to judge trials by a spec of which a part is unknown.

        Raises:
            LaterVersionError: the spec has keys of a later version.
        """
        if self.later_keys:
            raise LaterVersionError(
                f"Run cannot be continued: {run_uri} spec has {', '.join(self.later_keys)}, expected keys that this "
                "version of mempipe knows: it was planned by a later version.",
                hint="use that version of mempipe, or a later one; what is published can be read with this one.",
            )
