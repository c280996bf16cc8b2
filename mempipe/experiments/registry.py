"""Finds an experiment by name: one file in `mempipe/experiments/kinds/`, or in another package, defines one.

Loads nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from mempipe import plugins
from mempipe.errors import InputError, SpecError
from mempipe.experiments import kinds
from mempipe.spec import Strict, validated

if TYPE_CHECKING:
    from mempipe.experiments.result import Findings
    from mempipe.experiments.training import Trained, Training
    from mempipe.release.scores import Scores


class Experiment(Protocol):
    """What a file in `kinds/`, or an experiment of another package, provides.

    It imports at load only what parses fast: no release, no pyarrow.

    Attributes:
        TITLE: what it shows, in a few words.
        PAPER: where in the paper, such as `Figure 2`.
        Params: its parameters, each with a default and a description.
        OTHERS: (may be absent) names of the parameters that hold URIs of other releases, one or a tuple.
        AUTOMATIC: (may be absent) True where it needs nothing but a release: `trainings` returns none, whatever the
            release, and the defaults of `Params` suit it. Such an experiment is made of every release.
    """

    TITLE: str
    PAPER: str
    Params: type[Strict]

    @staticmethod
    def trainings(release: Scores, params: Any) -> list[Training]:
        """Return the runs that must be trained first; none where the release holds all.

        Raises:
            InputError: the experiment cannot be made of this release; says why.
        """
        ...

    @staticmethod
    def find(release: Scores, params: Any, trained: Sequence[Trained]) -> Findings:
        """Return what the experiment finds.

        Args:
            release: that it belongs to.
            params: its parameters.
            trained: what became of `trainings`, in their order.
        """
        ...


def _builtin() -> dict[str, str]:
    return {name.replace("_", "-"): module for name, module in plugins.modules_of(kinds).items()}


# A name is a command beside those of the steps, a part of file names, and an address in the report.
_NAMES: Final = r"(?!(?:plan|validate|finish|features)$)[a-z0-9]+(?:-[a-z0-9]+)*"
EXPERIMENTS: Final = plugins.ExtensionPoint("experiment", "mempipe.experiments", _builtin, Experiment, _NAMES)


def available() -> list[str]:
    """Return the names of the experiments, as commands write them (`marginal-utility`)."""
    return plugins.available(EXPERIMENTS)


def experiment(name: str) -> Experiment:
    """Return an experiment.

    Raises:
        InputError: there is none of this name.
        PluginError: the experiment of another package cannot be loaded, or does not keep the contract.
    """
    # Not `module:attribute`: results are stored under the name, so it must be one that lasts.
    kind = None if ":" in name else plugins.find(EXPERIMENTS, name)
    if kind is None:
        raise InputError(
            f"Experiment does not exist: its name is {name!r}, expected one of {', '.join(available())}.",
            hint="`mempipe experiment --help` lists them.",
        )
    return cast(Experiment, kind)


def is_automatic(name: str) -> bool:
    """Tell whether an experiment is made of every release when it is published: its file says `AUTOMATIC`."""
    return bool(getattr(experiment(name), "AUTOMATIC", False))


def params_of(name: str, values: dict[str, Any]) -> Strict:
    """Return the parameters of an experiment, defaults filled in.

    Raises:
        InputError: there is no such experiment, or a parameter is unknown or wrong.
    """
    kind = experiment(name)
    try:
        return validated(kind.Params, values, source=f"experiment {name!r}", prefix="params")
    except SpecError as error:
        raise InputError(
            error.message.replace("Spec cannot", "Parameters cannot"),
            hint=f"`mempipe experiment {name} --help` lists the parameters.",
        ) from error


def with_others(name: str, params: Strict, change: Callable[[str], str]) -> dict[str, Any]:
    """Return the parameters of an experiment as plain values, with each URI of another release changed.

    Args:
        name: of the experiment.
        params: its parameters.
        change: what becomes of a URI; one that was not given ("") stays.
    """
    values = params.model_dump(mode="json")
    for key in getattr(experiment(name), "OTHERS", ()):
        given = values[key]
        values[key] = [change(uri) for uri in given] if isinstance(given, list) else given and change(given)
    return values
