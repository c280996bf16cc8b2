"""A result of every kind of figure, made by hand from a release's own scores."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from mempipe.experiments.result import (
    Bars,
    Column,
    Examples,
    Fact,
    Findings,
    Lines,
    Pairs,
    Result,
    Series,
    Table,
    TrainedRun,
)
from mempipe.release.load import Release

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMES = ("ResNet50", "ResNet18", "Inception", "DenseNet100", "small CNN", "MLP, 512-256", "linear")
"""More lines than there are colors."""


def hand_made(release: Release, *, days: int = 0, **changed: Any) -> Result:
    """A result that shows what the page can draw; `days` after the others, with some fields changed."""
    tables = {
        "agreement": _agreement(),
        "bins": _bins(release),
        "examples": _examples(release),
        "pairs": _pairs(release),
    }
    fields: dict[str, Any] = {
        "experiment": "all-kinds",
        "title": "Everything that can be drawn",
        "paper": "Section 9.1, Figures 10 and 11",
        "release": release.manifest.id,
        "release_name": release.manifest.name,
        "other_releases": ("digits-0123456789ab-t50-0123456789ab",),
        "subsets": {release.manifest.id: release.manifest.subsets},
        "params": {"repeats": 4, "thresholds": [0.1, 0.2], "names": {"one": "two"}},
        "runs": (TrainedRun(role="all < some & none", run_key="0f" * 32, uri="gs://b/runs/x", trials=4, seed=5),),
        "findings": Findings(
            facts=(
                Fact(name="Agreement at 0.5", value="71.2% ± 0.4% <b>(mean ± s.d.)</b>"),
                Fact(name="Pairs", value="3"),
            ),
            figures=(
                Lines(
                    title="Agreement of the architectures",
                    table="agreement",
                    x="threshold",
                    x_label="memorization threshold",
                    y_label="Jaccard index",
                    series=tuple(Series(name=name, y=f"y{k}", error=f"sd{k}") for k, name in enumerate(NAMES)),
                ),
                Bars(
                    title="Influence of the pairs",
                    table="bins",
                    left="left",
                    right="right",
                    count="n",
                    x_label="influence",
                    y_label="pairs",
                    log=True,
                ),
                Examples(title="Examples near 0 and 1", table="examples"),
                Pairs(title="Pairs", table="pairs"),
            ),
            tables=tables,
            notes=("A band is one standard deviation over 4 models.", "These numbers are made by hand."),
        ),
        "created": CREATED + timedelta(days=days),
        "software": {"mempipe": "0.1.0", "numpy": "2.4"},
    }
    return Result(**(fields | changed))


def _agreement() -> Table:
    x = np.round(np.arange(1, 10) / 10, 1)
    columns = {"threshold": Column(meaning="memorization threshold", values=tuple(x.tolist()))}
    for k in range(len(NAMES)):
        y = 0.9 - 0.07 * k - 0.3 * x**2 / (k + 1)
        absent = {4} if k == 2 else set()
        values = tuple(None if at in absent else value for at, value in enumerate(y.tolist()))
        columns[f"y{k}"] = Column(meaning=f"Jaccard index with {NAMES[k]}", values=values)
        columns[f"sd{k}"] = Column(meaning="its standard deviation", values=tuple((0.01 + 0.02 * x).tolist()))
    return Table(title="Agreement by threshold", columns=columns)


def _bins(release: Release) -> Table:
    edges = np.array([(15 + 5 * k) / 100 for k in range(18)])
    counts, _ = np.histogram(release.pairs["infl"].to_numpy(), edges)
    return Table(
        title="Pairs by influence",
        columns={
            "left": Column(meaning="from", values=tuple(edges[:-1].tolist())),
            "right": Column(meaning="to", values=tuple(edges[1:].tolist())),
            "n": Column(meaning="pairs", values=tuple(counts.tolist())),
        },
    )


def _examples(release: Release) -> Table:
    order = np.argsort(release.mem)
    rows = [("near 0", int(i)) for i in order[:60]] + [('near 1, "wrong, or rare"', int(i)) for i in order[-7:]]
    errors = release.examples["mem_se"].to_numpy()
    return Table(
        title="Training examples that are shown",
        columns={
            "group": Column(meaning="level", values=tuple(name for name, _ in rows)),
            "tr_idx": Column(meaning="training example", values=tuple(i for _, i in rows)),
            "mem": Column(meaning="memorization", values=tuple(float(release.mem[i]) for _, i in rows)),
            "mem_se": Column(meaning="its standard error", values=tuple(float(errors[i]) for _, i in rows)),
        },
    )


def _pairs(release: Release) -> Table:
    """The strongest pairs in two groups, and one pair that the report does not hold."""
    selection = sorted(release.pairs.to_pylist()[:12], key=lambda pair: -pair["tr_idx"])
    rows = [("test of another class" if pair["infl"] < 0.3 else "near duplicates", pair) for pair in selection]
    rows.append(("without a score", selection[-1] | {"tt_idx": 0, "infl": None, "infl_se": None}))
    return Table(
        title="Pairs that are shown",
        columns={
            "group": Column(meaning="kind", values=tuple(name for name, _ in rows)),
            **{
                name: Column(meaning=name, values=tuple(pair[name] for _, pair in rows))
                for name in ("tr_idx", "mem", "tt_idx", "infl", "infl_se")
            },
        },
    )
