"""Fixtures of the whole test suite: servers, started once and only when a test asks for them."""

import uuid
from collections.abc import Iterator

import pytest

from tests.servers import fake_gcs_server

pytest.register_assert_rewrite("tests.storage.contract")


def pytest_configure(config: pytest.Config) -> None:
    """Accept what google-api-core says at import: it has an optional part that storage does not use."""
    config.addinivalue_line("filterwarnings", "ignore:Please install grpcio-status:ImportWarning")


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[str]:
    """URL of a fake-gcs-server that lasts as long as the session."""
    with fake_gcs_server() as url:
        yield url


@pytest.fixture
def gcs_bucket(gcs_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a new bucket; `gs://` of this process and its children means the fake server."""
    from google.cloud import storage

    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server)
    name = f"test-{uuid.uuid4().hex[:12]}"
    with storage.Client(project="test") as client:
        client.create_bucket(name)
    return name
