"""The fields of a DAG's form: those that several DAGs share, and those of an experiment, from its own parameters."""

from typing import Any, Final

from airflow.sdk import Param
from pydantic import BaseModel

from mempipe.places import releases_place

URI: Final = r"^(/|[a-z][a-z0-9+.-]*://).+"
"""An absolute path or a URI, for a form: the steps run elsewhere than the user interface."""


def release_param(*, optional: bool, store: str) -> Param:
    """Return the field of a release.

    Args:
        optional: whether it may be empty, because the announcement of a release starts the DAG, too.
        store: of this installation, for the suggestion.
    """
    described = "URI of a release, as `mempipe publish` printed it, or of a name's releases for the newest one"
    if optional:
        text = f"{described}; empty: the release whose announcement starts the DAG."
        return Param(None, type=["null", "string"], pattern=URI, title="Release", description=text)
    suggested = [f"{store.rstrip('/')}/{releases_place('digits')}"]
    return Param(type="string", pattern=URI, title="Release", description=f"{described}.", examples=suggested)


def store_param() -> Param:
    """Return the field of the store in which results are kept."""
    text = "Where runs and results are kept; empty: the store that the release was published in."
    return Param(None, type=["null", "string"], pattern=URI, title="Store", description=text)


def params_of(model: type[BaseModel]) -> dict[str, Param]:
    """Return one field for each parameter of an experiment: its type, bounds, default and description.

    A parameter that may be null (`int | None`) becomes a field that may be left empty.
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
