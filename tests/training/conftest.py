"""TensorFlow is configured once, on one thread, as in deployment; models of the tests join the registry."""

from pathlib import Path

import pytest

from mempipe.training import models
from mempipe.training.runtime import start_tensorflow


@pytest.fixture(scope="session", autouse=True)
def tensorflow() -> None:
    """Start TensorFlow as every trainer of these tests wants it."""
    start_tensorflow(threads=1)


@pytest.fixture
def test_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let specs name the models of tests/training/models."""
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(Path(__file__).parent / "models")])
