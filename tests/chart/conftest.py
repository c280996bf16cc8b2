"""The objects that the chart makes, for the tests that look at them."""

from pathlib import Path

import pytest

from tests.chart.rendering import CASE_NAMES, CASES, Manifest, render


@pytest.fixture(params=CASES, ids=CASE_NAMES)
def manifests(request: pytest.FixtureRequest, tmp_path: Path) -> list[Manifest]:
    """What the chart makes with each values file."""
    return render(tmp_path, *request.param)
