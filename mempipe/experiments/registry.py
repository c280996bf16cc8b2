"""Finds experiments by name: each is a file in `mempipe/experiments/kinds/` or in another package.

Imports nothing heavy.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from mempipe import plugins
from mempipe.errors import InputError, PluginError, SpecError
from mempipe.experiments import kinds
from mempipe.spec import Strict, validated

if TYPE_CHECKING:
    from mempipe.experiments.result import Findings
    from mempipe.experiments.training import Training, TrainingResult
    from mempipe.release.scores import Scores


_log = logging.getLogger(__name__)


class Experiment(Protocol):
    """Interface of an experiment, in `kinds/` or in another package.

    On import it must load fast: no release, no pyarrow.

    Attributes:
        TITLE: short title.
        PAPER: its place in the paper, such as `Figure 2`.
        Params: its parameters, each with a default and a description.
        OTHERS: (optional) names of the parameters that hold a URI, or a tuple of URIs, of other releases.
        AUTOMATIC: (optional) True if it needs only a release: `trainings` is empty for every release, and the defaults
            of `Params` apply. Airflow runs such an experiment on each new release.
    """

    TITLE: str
    PAPER: str
    Params: type[Strict]

    @staticmethod
    def trainings(release: Scores, params: Any) -> list[Training]:
        """Return the trainings that the experiment needs; empty if it needs only the release.

        Raises:
            InputError: the experiment does not apply to this release.
        """
        ...

    @staticmethod
    def find(release: Scores, params: Any, results: Sequence[TrainingResult]) -> Findings:
        """Compute the findings.

        Args:
            release: the release.
            params: its parameters.
            results: one for each of `trainings`, in the same order.
        """
        ...


def _builtin() -> dict[str, str]:
    return {name.replace("_", "-"): module for name, module in plugins.modules_of(kinds).items()}


# A name is a command beside those of the steps, a part of file names, and an address in the report.
_NAMES: Final = r"(?!(?:plan|validate|finish|features)$)[a-z0-9]+(?:-[a-z0-9]+)*"
EXPERIMENTS: Final = plugins.ExtensionPoint("experiment", "mempipe.experiments", _builtin, Experiment, _NAMES)


def available() -> list[str]:
    """Return the names of the experiments, as in commands (`marginal-utility`)."""
    return plugins.available(EXPERIMENTS)


def loadable() -> list[str]:
    """Return the names of the experiments that can be loaded. An error of one is logged, and hides no other."""
    try:
        names = available()
    except PluginError as error:
        _log.error("%s", error)
        names = sorted(_builtin())
    return [name for name in names if _loads(name)]


def _loads(name: str) -> bool:
    try:
        experiment(name)
    except PluginError as error:
        _log.error("%s", error)
        return False
    return True


def experiment(name: str) -> Experiment:
    """Return an experiment.

    Raises:
        InputError: there is no experiment of this name.
        PluginError: an experiment of another package cannot be loaded or does not have this interface.
    """
    # Not `module:attribute`: results are stored under the name, so it must be stable.
    kind = None if ":" in name else plugins.find(EXPERIMENTS, name)
    if kind is None:
        raise InputError(
            f"Experiment does not exist: its name is {name!r}, expected one of {', '.join(available())}.",
            hint="`mempipe experiment --help` lists them.",
        )
    return cast(Experiment, kind)


def is_automatic(name: str) -> bool:
    """Return whether Airflow runs an experiment on each new release: its `AUTOMATIC`."""
    return bool(getattr(experiment(name), "AUTOMATIC", False))


def params_of(name: str, values: dict[str, Any]) -> Strict:
    """Return the parameters of an experiment, with defaults.

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
    """Return the parameters of an experiment as plain values, with `change` applied to URIs of other releases.

    Args:
        name: name of the experiment.
        params: its parameters.
        change: maps a URI to its new value; an empty URI ("") stays.
    """
    values = params.model_dump(mode="json")
    for key in getattr(experiment(name), "OTHERS", ()):
        uris = values[key]
        values[key] = [change(uri) for uri in uris] if isinstance(uris, list) else uris and change(uris)
    return values
