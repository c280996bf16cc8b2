"""The result of an experiment: facts, tables, and figures of the tables. All experiments have one schema.

A result is a versioned document of one release; equal findings have equal digests.
"""

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field, model_validator

from mempipe.errors import InputError, MempipeError
from mempipe.release.subset_design import SubsetDesign
from mempipe.spec import Document, Stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OUTSIDE_DIGEST: Final[Any] = {"created": True, "software": True, "runs": {"__all__": {"uri"}}}

Cell = int | float | str | None
ExperimentName = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
TableName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
"""Pattern of names. A table's file is `<experiment>-<table>.csv`, which must be unique on any file system."""


def number(value: float) -> float | None:
    """Return a score as a table cell; None if it is NaN."""
    return None if np.isnan(value) else float(value)


class Fact(Stored):
    """One statement: a name, and a value as text with its error and counts."""

    name: str
    value: str


class Column(Stored):
    """One column of a table.

    Attributes:
        meaning: description of the values with their unit; for an error, its kind (such as a standard deviation over
            how many repeats).
        values: one for each row; None: no value.
    """

    meaning: str
    values: tuple[Cell, ...]

    @classmethod
    def of(cls, meaning: str, values: "NDArray[Any]") -> "Column":
        """Return the column of an array (n,) of numbers or texts; NaN becomes None."""
        return cls(meaning=meaning, values=tuple(None if value != value else value for value in values.tolist()))


class Table(Stored):
    """A table that can be downloaded as CSV.

    Attributes:
        title: what its rows are.
        columns: by name, all of the same length.
    """

    title: str
    columns: dict[str, Column]

    @model_validator(mode="after")
    def _even(self) -> "Table":
        lengths = {len(column.values) for column in self.columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"columns have {sorted(lengths)} rows, expected all the same")
        return self


class Series(Stored):
    """One line of a plot.

    Attributes:
        name: for the legend.
        y: column of its values.
        error: column of their standard deviations, drawn as a band; None: no band.
    """

    name: str
    y: str
    error: str | None = None


class Lines(Stored):
    """Lines over a common axis.

    Attributes:
        title: title, with the corresponding figure of the paper.
        table: name of the table.
        x: column of the common axis.
        x_label, y_label: labels of the axes, with units.
        series: the lines.
    """

    kind: Literal["lines"] = "lines"
    title: str
    table: str
    x: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]


class Bars(Stored):
    """A histogram: numeric edges, counts of at least 0, no empty cell. What may be negative or empty is for `Lines`.

    Attributes:
        title, table, x_label, y_label: as in `Lines`.
        left, right: columns of the bins' edges.
        count: column of the counts.
        log: whether the axis of the counts is logarithmic.
    """

    kind: Literal["bars"] = "bars"
    title: str
    table: str
    left: str
    right: str
    count: str
    x_label: str
    y_label: str
    log: bool = False


class Examples(Stored):
    """Training examples, shown as images in groups.

    Attributes:
        title: title of the figure.
        table: name of a table with the columns `group` (text), `tr_idx`, `mem` and `mem_se`; one example a row.
    """

    kind: Literal["examples"] = "examples"
    title: str
    table: str


class Pairs(Stored):
    """Training examples, each with the test examples that it helps, shown as images in groups.

    Attributes:
        title: title of the figure.
        table: name of a table with the columns `group` (text), `tr_idx`, `mem`, `tt_idx`, `infl` and `infl_se`; one
            pair a row, with the rows of a training example adjacent.
    """

    kind: Literal["pairs"] = "pairs"
    title: str
    table: str


Figure = Annotated[Lines | Bars | Examples | Pairs, Field(discriminator="kind")]


class Findings(Stored):
    """The findings of an experiment.

    Attributes:
        facts: statements, the most important first.
        figures: in reading order.
        tables: tables by name; figures refer to them.
        notes: remarks for the reader, such as differences from the paper and the meaning of error bars.
    """

    facts: tuple[Fact, ...]
    figures: tuple[Figure, ...]
    tables: dict[TableName, Table]
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _figures_have_columns(self) -> "Findings":
        for figure in self.figures:
            if figure.table not in self.tables:
                raise ValueError(f"figure {figure.title!r} shows table {figure.table!r}, which is missing")
            absent = set(columns_of(figure)) - set(self.tables[figure.table].columns)
            if absent:
                raise ValueError(f"figure {figure.title!r} shows columns {sorted(absent)}, which are missing")
            for name in columns_of(figure):
                for value in self.tables[figure.table].columns[name].values:
                    if not _can_be_drawn(figure, name, value):
                        raise ValueError(
                            f"figure {figure.title!r} ({figure.kind}) cannot show {value!r} in column {name!r}"
                        )
        return self


class TrainedRun(Stored):
    """A run that an experiment used.

    Attributes:
        role: its role in the experiment.
        run_key: its run key, which identifies it in any store.
        uri: its URI at that time.
        trials: number of its trials that were used.
        seed: the spec's seed.
    """

    role: str
    run_key: str
    uri: str
    trials: int
    seed: int


class Result(Document):
    """An experiment's result.

    Attributes:
        experiment: its name.
        title, paper: title, and place in the paper.
        release, release_name: id and name of its release.
        other_releases: ids of the releases that it was compared with.
        subsets: subset design and seed of each of these releases, by release id.
        params: all parameters, with defaults; other releases by their ids.
        runs: runs that were trained for it; empty if it only reads releases.
        findings: the findings.
        created: UTC; outside the digest.
        software: versions; outside the digest.
    """

    FAILURE: ClassVar[str] = "Result cannot be read"
    ERROR: ClassVar[type[MempipeError]] = InputError
    HINT: ClassVar[str] = "move the file away and run the experiment again; or read it with the mempipe that wrote it."
    INDENT: ClassVar[int] = 1

    experiment: ExperimentName
    title: str
    paper: str
    release: str
    release_name: str
    other_releases: tuple[str, ...] = ()
    subsets: dict[str, SubsetDesign]
    params: dict[str, Any]
    runs: tuple[TrainedRun, ...] = ()
    findings: Findings
    created: datetime
    software: dict[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the findings and their inputs; it does not cover time, places and software versions."""
        content = self.model_dump(mode="json", exclude=_OUTSIDE_DIGEST)
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def columns_of(figure: Lines | Bars | Examples | Pairs) -> list[str]:
    """Return the columns that a figure is drawn from."""
    match figure:
        case Lines():
            named = [name for series in figure.series for name in (series.y, series.error) if name is not None]
            return [figure.x, *named]
        case Bars():
            return [figure.left, figure.right, figure.count]
        case Examples():
            return ["group", "tr_idx", "mem", "mem_se"]
        case Pairs():
            return ["group", "tr_idx", "mem", "tt_idx", "infl", "infl_se"]


def _can_be_drawn(figure: Lines | Bars | Examples | Pairs, column: str, value: Cell) -> bool:
    """Return whether a figure can show a value: indices are integers; scores, lines and errors may be None."""
    match figure, column:
        case (Examples() | Pairs(), "group"):
            return isinstance(value, str)
        case (Examples() | Pairs(), "tr_idx" | "tt_idx"):
            return isinstance(value, int) and value >= 0
        case (Bars(), _):
            return isinstance(value, int | float) and (column != figure.count or value >= 0)
        case (Lines(), _) if column == figure.x:
            return isinstance(value, int | float)
    return not isinstance(value, str)
