"""Starts and ends the embedded Airflow, with only the needed components."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mempipe.orchestration.embedded.api import Api
from mempipe.orchestration.embedded.components import Components, wait_for
from mempipe.orchestration.embedded.home import POOLS, EmbeddedAirflowError, Home

_START_SECONDS: Final = 180.0


@dataclass(frozen=True)
class Server:
    """A running embedded Airflow.

    Attributes:
        home: its folder.
        components: its processes.
        api: its REST API.
        since: time of its start.
    """

    home: Home
    components: Components
    api: Api
    since: datetime

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until the DAG has been read after the start, so that its current version runs.

        Raises:
            EmbeddedAirflowError: it cannot be read.
        """

        def ready() -> bool:
            if errors := self.api.import_errors():
                raise EmbeddedAirflowError("A DAG cannot be read: " + "\n".join(errors), hint="correct it.")
            return self.api.is_parsed_since(dag_id, self.since)

        wait_for(ready, self.components, what=f"reading the DAG {dag_id}", seconds=_START_SECONDS)


@contextmanager
def running(home: Home, *, keep_parsing: bool) -> Iterator[Server]:
    """Run an embedded Airflow within the context.

    Args:
        home: its folder.
        keep_parsing: read the DAG files repeatedly, because the user may edit them; else once.
    """
    since = datetime.now(UTC)
    migrate = home.prepare()
    components = Components.start(home, migrate=migrate, keep_parsing=keep_parsing, forked=sys.platform == "linux")
    api = Api(home.url)
    try:
        wait_for(api.is_healthy, components, what="starting", seconds=_START_SECONDS)
        home.migrated()
        for pool, slots in POOLS.items():
            api.ensure_pool(pool, slots, "steps of mempipe that run at once on this machine")
        yield Server(home, components, api, since)
    finally:
        api.close()
        components.stop()
