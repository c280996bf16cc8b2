"""Strict parts of a spec, which refuse unknown keys, and stored documents, which ignore what later versions added."""

import copy
import json
import re
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mempipe.errors import InputError, LaterVersionError, MempipeError, SpecError

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
    """Return `name` if it is a valid name of a run or a release.

    Raises:
        InputError: it is not.
    """
    if re.fullmatch(_NAME, name) is None:
        raise InputError(
            f"Name cannot be used: it is {name!r}, expected 1 to 63 small letters, digits, '-' or '_', "
            "beginning with a letter or digit.",
            hint="choose another --name.",
        )
    return name


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
            latest = cls.model_fields["schema_version"].default
            require_known_version(_version(content), latest, failure=cls.FAILURE, source=source)
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "content"
            raise cls.ERROR(f"{cls.FAILURE}: {source} is damaged ({where}: {first['msg']}).", hint=cls.HINT) from error


def require_known_version(version: object, latest: int, *, failure: str, source: str) -> None:
    """Refuse an object of a later schema.

    Args:
        version: of the object, as it was read.
        latest: the latest that this version of mempipe reads.
        failure: what fails.
        source: URI of the object.

    Raises:
        LaterVersionError: the version is later.
    """
    if isinstance(version, int) and version > latest:
        raise LaterVersionError(
            f"{failure}: {source} schema_version is {version}, expected {latest}: it was written by a later version of "
            "mempipe.",
            hint="use that version of mempipe, or a later one; the object was not changed.",
        )


def without_later_keys(kind: type[BaseModel], values: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return values without the keys that a strict model does not know, and the paths of these keys."""
    try:
        kind.model_validate(values)
    except ValidationError as error:
        result, later = copy.deepcopy(values), []
        for *parents, key in (item["loc"] for item in error.errors() if item["type"] == "extra_forbidden"):
            part: Any = result
            path: list[str] = []
            for name in parents:
                if name in part:  # else it is a union's tag, which is no key of the document
                    part = part[name]
                    path.append(str(name))
            del part[key]
            later.append(".".join([*path, str(key)]))
        return result, tuple(sorted(later))
    return values, ()


def _version(content: bytes) -> object:
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document.get("schema_version") if isinstance(document, dict) else None
