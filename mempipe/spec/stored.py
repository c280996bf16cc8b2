"""JSON documents of a store: readers ignore what later versions added, and never take these for damaged."""

import copy
import json
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from mempipe.errors import LaterVersionError, MempipeError


class Stored(BaseModel):
    """A stored document or a part of one: fields that a later version added are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Document(Stored):
    """A document with a version of its schema, raised when a field is removed, renamed or changes its meaning.

    Attributes:
        schema_version: of the document; a kind of a higher version overrides it.
        FAILURE, ERROR, HINT: what a damaged document means: the message's beginning, its class, the next action.
        INDENT: of its JSON.
    """

    FAILURE: ClassVar[str]
    ERROR: ClassVar[type[MempipeError]]
    HINT: ClassVar[str]
    INDENT: ClassVar[int] = 2

    schema_version: Literal[1] = 1

    def to_json(self) -> bytes:
        """Return the document's bytes, equal for equal documents."""
        return (self.model_dump_json(indent=self.INDENT) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, *, source: str) -> Self:
        """Read a document.

        Raises:
            LaterVersionError: a later version of mempipe wrote it.
            MempipeError: `ERROR`, where it is damaged.
        """
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            known = cls.model_fields["schema_version"].default
            require_known_version(_version(content), known, failure=cls.FAILURE, source=source)
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "content"
            raise cls.ERROR(f"{cls.FAILURE}: {source} is damaged ({where}: {first['msg']}).", hint=cls.HINT) from error


def require_known_version(version: object, known: int, *, failure: str, source: str) -> None:
    """Refuse an object of a later schema.

    Args:
        version: of the object, as it was read.
        known: the latest that this version of mempipe reads.
        failure: what fails.
        source: URI of the object.

    Raises:
        LaterVersionError: the version is later.
    """
    if isinstance(version, int) and version > known:
        raise LaterVersionError(
            f"{failure}: {source} schema_version is {version}, expected {known}: it was written by a later version of "
            "mempipe.",
            hint="use that version of mempipe, or a later one; the object is left as it is.",
        )


def without_later_keys(kind: type[BaseModel], values: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return values without the keys that a strict model does not know, and the paths of these keys."""
    try:
        kind.model_validate(values)
    except ValidationError as error:
        known, later = copy.deepcopy(values), []
        for *parents, key in (item["loc"] for item in error.errors() if item["type"] == "extra_forbidden"):
            part: Any = known
            path: list[str] = []
            for name in parents:
                if name in part:  # else it is a union's tag, which is no key of the document
                    part = part[name]
                    path.append(str(name))
            del part[key]
            later.append(".".join([*path, str(key)]))
        return known, tuple(sorted(later))
    return values, ()


def _version(content: bytes) -> object:
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document.get("schema_version") if isinstance(document, dict) else None
