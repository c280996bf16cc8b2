"""The trainers of tests/own/code can be imported by the processes that tests start."""

import os

import pytest

from tests.own.worlds import CODE


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a package of the user's own would be."""
    monkeypatch.setenv("PYTHONPATH", str(CODE), prepend=os.pathsep)
