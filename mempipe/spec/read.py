"""Reads a spec from YAML."""

from typing import Any

import yaml

from mempipe.errors import SpecError
from mempipe.spec.documents import validated
from mempipe.spec.spec import Spec


def parse_spec(text: str, *, source: str) -> Spec:
    """Read a spec from YAML; arguments and errors as `parse_document`'s, and a key that is unknown or out of range."""
    return validated(Spec, parse_document(text, source=source), source=source)


def parse_document(text: str, *, source: str) -> dict[str, Any]:
    """Read the keys of a spec from YAML; what they mean is not checked.

    Args:
        text: the YAML document.
        source: where it came from, for messages.

    Raises:
        SpecError: the text is no YAML mapping, or a key is given twice.
    """
    try:
        document = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader, see below
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise SpecError(f"Spec cannot be read: {source} is no valid YAML ({problem}).", hint="correct it.") from error
    if not isinstance(document, dict):
        raise SpecError(
            f"Spec cannot be read: {source} is {type(document).__name__}, expected a mapping of keys.",
            hint="start from a file in specs/.",
        )
    return document


class _UniqueKeyLoader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice."""


def _unique_mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key_node, _ in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key is no plain text", key_node.start_mark)
        if key_node.value in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key_node.value!r} is given twice", key_node.start_mark
            )
        seen.add(key_node.value)
    return loader.construct_mapping(node, deep=True)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)
