"""Finds a part by name: a built-in file, an entry point of an installed package, or `module:attribute`.

Models, data sets, stores, experiments and estimators are found here. A built-in name always means the built-in part,
and no entry point is read for it. A part is checked against its contract before anything of it is called.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin, get_type_hints

from mempipe.errors import PluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_REFERENCE: Final = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")


@dataclass(frozen=True)
class ExtensionPoint:
    """One kind of part that other packages can add.

    Attributes:
        noun: what a message calls such a part: `model`.
        group: of entry points, which `pyproject.toml` of a package declares: `mempipe.models`.
        builtin: returns the module of each built-in part by its name.
        contract: a protocol: a part has its annotated attributes and its functions.
        names: regular expression of what an entry point may be called.
    """

    noun: str
    group: str
    builtin: Callable[[], Mapping[str, str]]
    contract: type[Any]
    names: str = r"[a-z][a-z0-9_-]*"


def modules_of(package: ModuleType) -> dict[str, str]:
    """Return the modules of a package that define one built-in part each, by their last name; imports none."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return {name: f"{package.__name__}.{name}" for name in names}


def available(point: ExtensionPoint) -> list[str]:
    """Return the names that are built in or that installed packages add, sorted; imports no part.

    Raises:
        PluginError: an entry point has the name of a built-in part or of another entry point.
    """
    builtin, names = point.builtin(), {entry.name for entry in _entries(point)}
    for name in sorted(names):
        _entry(point, name)
    if hidden := sorted(names & set(builtin)):
        entry = next(entry for entry in _entries(point) if entry.name == hidden[0])
        raise PluginError(
            f"Plug-in cannot be used: {_origin(entry)} is {entry.name!r}, expected another name than those of "
            f"the built-in parts, {', '.join(builtin)}.",
            hint="rename the entry point, or uninstall the package.",
        )
    return sorted(names | set(builtin))


def find(point: ExtensionPoint, name: str) -> Any:
    """Return the part that a name means, or None if there is none.

    Args:
        point: which kind of part.
        name: of a built-in part, of an entry point, or `module:attribute`, which means what
            `from module import attribute` means: an object or a module of that package.

    Returns:
        An object with what `point.contract` lists: a module, a class or an instance.

    Raises:
        PluginError: the part cannot be imported or does not keep the contract, or two packages have the name.
    """
    if module := point.builtin().get(name):
        part = importlib.import_module(module)
        _check(point, part, module)
        return part
    return _plugin(point, name)


@cache
def _plugin(point: ExtensionPoint, name: str) -> Any:
    if ":" in name:
        if not _REFERENCE.fullmatch(name):
            raise PluginError(
                f"{point.noun.capitalize()} cannot be loaded: its name is {name!r}, expected module:attribute.",
                hint="write it as in `from module import attribute`.",
            )
        module, _, attribute = name.partition(":")
        origin = name
    elif entry := _entry(point, name):
        module, attribute, origin = entry.module, entry.attr, _origin(entry)
    else:
        return None
    part = _load(point, origin, module, attribute)
    _check(point, part, origin)
    return part


def _entries(point: ExtensionPoint) -> tuple[EntryPoint, ...]:
    # Loaded here, because reading the installed packages takes up to 0.1 s and most names are built in.
    from importlib.metadata import entry_points

    return tuple(entry_points(group=point.group))


def _entry(point: ExtensionPoint, name: str) -> EntryPoint | None:
    """Return the entry point of this name. A package that is found twice on the import path counts once."""
    entries = {(entry.value, entry.dist and entry.dist.name): entry for entry in _entries(point) if entry.name == name}
    if len(entries) > 1:
        raise PluginError(
            f"Plug-in cannot be used: {point.noun} {name!r} is {' and '.join(sorted(map(_origin, entries.values())))}, "
            "expected one.",
            hint=f"uninstall all but one of these packages, or write `module:attribute` for the {point.noun}.",
        )
    entry = next(iter(entries.values()), None)
    if entry is not None and not re.fullmatch(point.names, name):
        raise PluginError(
            f"Plug-in cannot be used: {_origin(entry)} is {name!r}, expected a name of the form {point.names}.",
            hint="rename the entry point in its package.",
        )
    return entry


def _origin(entry: EntryPoint) -> str:
    package = f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return f"the entry point {entry.group}: {entry.name} = {entry.value}{package}"


def _load(point: ExtensionPoint, origin: str, module: str, attribute: str) -> Any:
    names = attribute.split(".") if attribute else []
    try:
        part: Any = __import__(module, fromlist=names[:1] or ["__name__"])
        for name in names:
            part = getattr(part, name)
    except Exception as error:  # whatever the foreign module raises
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            got, expected = f"module {error.name} is missing", "an installed one"
            hint = "install its package wherever mempipe runs, or put its folder on PYTHONPATH."
        else:
            got, expected = f"raises {type(error).__name__} ({error})", "an object that can be imported"
            hint = "correct the name or the module, or install what the module imports."
        raise PluginError(
            f"{point.noun.capitalize()} cannot be loaded: {origin} {got}, expected {expected}.", hint=hint
        ) from error
    return part


def _check(point: ExtensionPoint, part: Any, origin: str) -> None:
    """Refuse a part that does not keep the contract; calls nothing of it."""
    for name, hint in get_type_hints(point.contract).items():
        if not _fits(getattr(part, name, None), hint):
            expected = f"a subclass of {get_args(hint)[0].__name__}" if get_origin(hint) is type else hint.__name__
            got = repr(getattr(part, name, "missing"))[:100]
            raise _breach(point, origin, f"{name} is {got}, expected {expected}")
    for name, member in vars(point.contract).items():
        if not name.startswith("_") and isinstance(member, staticmethod | FunctionType):
            parameters = list(inspect.signature(getattr(point.contract, name)).parameters.values())
            parameters = parameters[isinstance(member, FunctionType) :]  # without self
            if not _takes(getattr(part, name, None), parameters):
                got = "no function of these arguments" if hasattr(part, name) else "missing"
                expected = f"{name}({', '.join(parameter.name for parameter in parameters)})"
                raise _breach(point, origin, f"{name} is {got}, expected {expected}")


def _fits(value: object, hint: Any) -> bool:
    if get_origin(hint) is type:
        return isinstance(value, type) and issubclass(value, get_args(hint)[0])
    return isinstance(value, get_origin(hint) or hint)


def _takes(function: object, parameters: list[inspect.Parameter]) -> bool:
    """Return whether a function can be called as the contract calls it."""
    if not callable(function):
        return False
    by_name = {item.name: None for item in parameters if item.kind is item.KEYWORD_ONLY}
    try:
        inspect.signature(function).bind(*[None] * (len(parameters) - len(by_name)), **by_name)
    except (TypeError, ValueError):
        return False
    return True


def _breach(point: ExtensionPoint, origin: str, problem: str) -> PluginError:
    return PluginError(
        f"{point.noun.capitalize()} cannot be used: {origin} {problem}.",
        hint=f"docs/extend.md shows what the {point.noun} of a package of your own must have.",
    )
