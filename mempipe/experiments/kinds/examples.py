"""Fig. 1: training examples whose memorization is near 0, 0.5 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StrictInt, StrictStr, model_validator

from mempipe.errors import InputError
from mempipe.experiments.result import Column, Examples, Fact, Findings, Table, number
from mempipe.spec import Strict
from mempipe.subsets import Stream, random_order, raw_words

if TYPE_CHECKING:
    from mempipe.experiments.training import Training, TrainingResult
    from mempipe.release.scores import Scores

TITLE: Final = "Training examples near given memorization values"
PAPER: Final = "Section 3.1, Figure 1"
AUTOMATIC: Final = True

_EXAMPLES, _CLASSES = 0, 1
_COLUMNS: Final = {
    "group": "class, where one was asked for, and memorization value",
    "near": "memorization value of the group",
    "tr_idx": "training example: position in the data set's own order",
    "mem": "its memorization",
    "mem_se": "standard error of mem, from the trials",
    "heldout_accuracy": "how often trials that did not see it predict its label",
    "label": "its label",
    "class": "name of its class",
}


class Params(Strict):
    """Parameters of the experiment."""

    n: int = Field(6, ge=1, le=1000, description="Training examples in each group.")
    near: tuple[Annotated[float, Field(ge=-1, le=1)], ...] = Field(
        (0.0, 0.5, 1.0), min_length=1, description="Memorization values; one group for each."
    )
    within: float = Field(0.1, ge=0, le=2, description="How far from its value a group's examples may be.")
    classes: tuple[StrictInt | StrictStr, ...] = Field(
        (), description="Labels or names of classes to show one by one; none shows the whole training set at once."
    )
    n_classes: int = Field(0, ge=0, description="Instead of naming classes, draw so many of them by the seed.")
    seed: int = Field(0, ge=0, description="Decides between equally near examples, and which classes are drawn.")

    @model_validator(mode="after")
    def _one_way(self) -> Params:
        if self.classes and self.n_classes:
            raise ValueError("classes, or n_classes, not both")
        return self


@dataclass(frozen=True)
class _Group:
    """Examples near one value: their class, the value, their positions, and the number of candidates in range."""

    place: str
    near: float
    chosen: NDArray[np.int64]
    n_within: int

    @property
    def name(self) -> str:
        return f"{self.place}, near {self.near:g}" if self.place else f"near {self.near:g}"


def trainings(release: Scores, params: Params) -> list[Training]:
    """Return no trainings: the release suffices.

    Raises:
        InputError: a class is unknown, or fewer classes have a score than `n_classes`.
    """
    _places(release, params)
    return []


def find(release: Scores, params: Params, results: Sequence[TrainingResult]) -> Findings:  # noqa: ARG001
    """Return the examples nearest to each value, in the whole training set or in each class."""
    order = random_order(raw_words(params.seed, Stream.SELECTION, _EXAMPLES, count=len(release.mem)))
    groups = []
    for place, members in _places(release, params):
        for near in dict.fromkeys(params.near):
            candidates = order[members[order]]
            chosen, n_within = nearest(release.mem, candidates, near, n=params.n, within=params.within)
            groups.append(_Group(place, near, chosen, n_within))
    rows = _rows(release, groups)
    table = Table(
        title="Training examples by memorization",
        columns={
            name: Column(meaning=meaning, values=tuple(row[name] for row in rows)) for name, meaning in _COLUMNS.items()
        },
    )
    facts = [
        Fact(
            name=group.name[0].upper() + group.name[1:],
            value=f"{group.chosen.size} shown of {group.n_within:,} within {params.within:g}",
        )
        for group in groups
    ]
    return Findings(
        facts=tuple(facts),
        figures=(Examples(title="Memorization values of training examples (Figure 1)", table="examples"),)
        if rows
        else (),
        tables={"examples": table},
        notes=tuple(_notes(release, params, groups)),
    )


def nearest(
    mem: NDArray[np.float64], candidates: NDArray[np.int64], near: float, *, n: int, within: float
) -> tuple[NDArray[np.int64], int]:
    """Return the candidates whose memorization is nearest to a value, the nearest first.

    Args:
        mem: float64 (n_train,); NaN is never near.
        candidates: int64; positions; ties keep their order.
        near: the value.
        n: maximal number of examples.
        within: maximal distance.

    Returns:
        Their positions, int64, and the number of candidates within the distance.
    """
    distance = np.abs(mem[candidates] - near)
    inside = distance <= within
    nearest = candidates[inside][np.argsort(distance[inside], kind="stable")]
    return nearest[:n], int(inside.sum())


def _places(release: Scores, params: Params) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return names and members, bool (n_train,), of the classes to show, or of the training set (named "")."""
    names: list[str] = release.class_names
    if not params.classes and not params.n_classes:
        return [("", np.ones(len(release.mem), dtype=np.bool_))]
    if params.classes:
        labels = [_label(item, names, release.uri) for item in params.classes]
    else:
        scored = np.unique(release.labels[~np.isnan(release.mem)])
        if scored.size < params.n_classes:
            raise InputError(
                f"Classes cannot be drawn: n_classes is {params.n_classes}, expected at most {scored.size}, the "
                f"classes of {release.uri} with a score.",
                hint="use a smaller n_classes.",
            )
        choice = random_order(raw_words(params.seed, Stream.SELECTION, _CLASSES, count=scored.size))[: params.n_classes]
        labels = sorted(int(label) for label in scored[choice])
    return [(names[label], release.labels == label) for label in dict.fromkeys(labels)]


def _label(label: int | str, names: list[str], uri: str) -> int:
    if isinstance(label, int) and 0 <= label < len(names):
        return label
    if isinstance(label, str) and names.count(label) == 1:
        return names.index(label)
    raise InputError(
        f"Class is not known: it is {label!r}, expected a label from 0 to {len(names) - 1} or the name of one class of "
        f"{uri}.",
        hint="`mempipe show` and classes.parquet list labels and names.",
    )


def _rows(release: Scores, groups: list[_Group]) -> list[dict[str, Any]]:
    names = release.class_names
    heldout = release.examples["heldout_accuracy"].to_numpy()
    return [
        {
            "group": group.name,
            "near": group.near,
            "tr_idx": int(i),
            "mem": float(release.mem[i]),
            "mem_se": number(release.mem_se[i]),
            "heldout_accuracy": number(heldout[i]),
            "label": int(release.labels[i]),
            "class": names[release.labels[i]],
        }
        for group in groups
        for i in group.chosen
    ]


def _notes(release: Scores, params: Params, groups: list[_Group]) -> list[str]:
    whose = "of the class" if params.classes or params.n_classes else "of the whole training set"
    notes = [
        f"Not hand-picked: a group shows the {params.n} training examples {whose} whose memorization is nearest to its "
        f"value, the nearest first, and none that is more than {params.within:g} away. Between equally near ones "
        f"decides a random order of the data set (seed {params.seed})."
    ]
    if params.n_classes:
        notes.append(f"The {params.n_classes} classes were drawn by the same seed.")
    fewer = [group.name for group in groups if group.chosen.size < params.n]
    if fewer:
        notes.append(f"Fewer than {params.n} are that near in: {'; '.join(fewer)}.")
    n_undefined = int(np.isnan(release.mem).sum())
    if n_undefined:
        notes.append(f"Training examples without a score (every trial saw them, or none): {n_undefined:,}.")
    unknown = "heldout_accuracy" in release.unknown
    which = "which of the two is unknown" if unknown else "the column heldout_accuracy tells which"
    notes.append(
        "Memorization near 0 means that seeing the example changes nothing: its label is predicted anyway, or never; "
        f"{which}."
    )
    return notes
