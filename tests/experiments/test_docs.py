"""docs/experiments.md names every experiment, its command, its place in the paper and its parameters."""

import re
from pathlib import Path

import pytest

from mempipe.experiments.registry import available, experiment

LINES = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text().splitlines()


@pytest.mark.parametrize("name", available())
def test_an_experiment_has_its_row(name: str) -> None:
    rows = [line for line in LINES if f"`mempipe experiment {name} RELEASE" in line]
    assert len(rows) == 1, f"docs/experiments.md has {len(rows)} rows of {name}, expected one"
    (row,) = rows
    _, _, _, _, paper, _, parameters, _ = row.split("|")
    for key in experiment(name).Params.model_fields:
        assert f"`{key}`" in parameters
    assert set(re.findall(r"\d\.\d", experiment(name).PAPER)) <= set(re.findall(r"\d\.\d", paper))
