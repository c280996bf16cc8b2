"""The fields of a DAG's form: shared fields, and fields from the parameters of an experiment."""

from typing import Any, Final

from airflow.sdk import Param
from pydantic import BaseModel

from mempipe.places import releases_place

URI: Final = r"^(/|[a-z][a-z0-9+.-]*://).+"
"""Pattern of an absolute path or a URI: the steps do not run in the folder of the user interface."""


def release_param(*, optional: bool, store: str) -> Param:
    """Return the field of a release.

    Args:
        optional: whether it may be empty, because the announcement of a release also starts the DAG.
        store: store of this installation, for the suggestion.
    """
    description = "URI of a release, as `mempipe publish` printed it, or of a name's releases for the newest one"
    if optional:
        text = f"{description}; empty: the release whose announcement starts the DAG."
        return Param(None, type=["null", "string"], pattern=URI, title="Release", description=text)
    suggested = [f"{store.rstrip('/')}/{releases_place('digits')}"]
    return Param(type="string", pattern=URI, title="Release", description=f"{description}.", examples=suggested)


def store_param() -> Param:
    """Return the field of the store of the results."""
    text = "Store of the runs and results; empty: the store that the release was published in."
    return Param(None, type=["null", "string"], pattern=URI, title="Store", description=text)


def number_param(title: str, description: str, *, default: int | None = None) -> Param:
    """Return a field of a number of at least 1 that may be empty."""
    return Param(default, type=["null", "integer"], minimum=1, title=title, description=description)


def params_of(model: type[BaseModel]) -> dict[str, Param]:
    """Return one field for each parameter of an experiment, with its type, bounds, default and description.

    A parameter that may be null (`int | None`) becomes a field that may be empty.
    """
    properties: dict[str, dict[str, Any]] = model.model_json_schema()["properties"]
    return {name: _param(schema) for name, schema in properties.items()}


def _param(schema: dict[str, Any]) -> Param:
    schema = dict(schema)
    parts: list[dict[str, Any]] = schema.get("anyOf", [])
    if parts and all(isinstance(part.get("type"), str) for part in parts):
        del schema["anyOf"]
        for part in parts:
            schema |= part
        schema["type"] = sorted(part["type"] for part in parts)
    if "default" not in schema:
        return Param(**schema)
    return Param(schema.pop("default"), **schema)
