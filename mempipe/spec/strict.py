"""What all parts of a spec have in common: unknown keys are refused, and every problem is named with its key."""

import re
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mempipe.errors import InputError, SpecError

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
