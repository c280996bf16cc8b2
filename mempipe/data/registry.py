"""Finds a data set by name: one file in `mempipe/data/sources/`, or in another package, defines one."""

from typing import Final, Protocol, cast

from mempipe import plugins
from mempipe.data import sources
from mempipe.data.dataset import Dataset
from mempipe.errors import SpecError
from mempipe.spec import Component, Strict, validated


class Source(Protocol):
    """What a file in `sources/`, or a data set of another package, provides."""

    Params: type[Strict]

    @staticmethod
    def load(params: Strict) -> Dataset:
        """Read the data set."""
        ...


DATA_SETS: Final = plugins.ExtensionPoint("data set", "mempipe.data_sets", lambda: plugins.modules_of(sources), Source)


def available() -> list[str]:
    """Return the names of the data sets that specs can choose."""
    return plugins.available(DATA_SETS)


def resolve_data(data: Component) -> Component:
    """Return `data` with every parameter filled in.

    Raises:
        SpecError: no data set has that name, or a parameter is wrong.
        PluginError: the data set of another package cannot be loaded, or does not keep the contract.
    """
    params = _params(data)
    return Component.model_validate({"name": data.name, **params.model_dump(mode="json")})


def has_path(name: str) -> bool:
    """Return whether a spec can name the place of this data set.

    Raises:
        SpecError: no data set has that name.
    """
    return "path" in _source(name).Params.model_fields


def load_dataset(data: Component) -> Dataset:
    """Read the data set that a spec names.

    Raises:
        SpecError: no data set has that name, or a parameter is wrong.
        PluginError: the data set of another package cannot be loaded, or does not keep the contract.
        DataError: the data is missing, damaged or unfit.
    """
    return _source(data.name).load(_params(data))


def _params(data: Component) -> Strict:
    return validated(_source(data.name).Params, data.params(), source=f"data set {data.name!r}", prefix="data")


def _source(name: str) -> Source:
    source = plugins.find(DATA_SETS, name)
    if source is None:
        raise SpecError(
            f"Spec cannot be used: data.name is {name!r}, expected one of {', '.join(available())}.",
            hint="choose one of these, or write `module:attribute` of a data set of your own (docs/extend.md).",
        )
    return cast(Source, source)
