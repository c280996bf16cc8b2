"""Airflow's REST API as the cluster tests use it: the embedded mode's client, signed in, and what tests look at."""

import json
import time
from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar

import httpx

from mempipe.orchestration.embedded.api import FINISHED, Api, TaskState

_POLL_SECONDS: Final = 2.0
_PATIENCE_SECONDS: Final = 90.0

_Value = TypeVar("_Found")


def sign_in(url: str, username: str, password: str) -> str:
    """Return an access token of the FAB auth manager for a user."""
    transport = httpx.HTTPTransport(retries=5)
    with httpx.Client(base_url=url, timeout=30, trust_env=False, transport=transport) as client:
        response = client.post("/auth/token", json={"username": username, "password": password})
        return str(response.raise_for_status().json()["access_token"])


class AirflowApi(Api):
    """One Airflow in the cluster, reached through a forwarded port, which may break off for a moment.

    Args:
        url: of the API server.
        username, password: of the user that it acts as.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        super().__init__(url, token=sign_in(url, username, password))

    def wait(self, dag_id: str, run_id: str, *, seconds: float, until: Collection[str] = FINISHED) -> str:
        """Wait until a run is in one of these states; return it.

        Raises:
            AssertionError: it is not, in time; tells the tasks' states.
        """

        def reached() -> str | None:
            state = self.run_state(dag_id, run_id)
            return state if state in until else None

        return self._poll(reached, seconds, f"{run_id} is not {' or '.join(sorted(until))}", dag_id, run_id)

    def wait_for_task(
        self, dag_id: str, run_id: str, condition: Callable[[TaskState], bool], *, seconds: float, what: str
    ) -> TaskState:
        """Wait until a task of the run satisfies a condition; return it.

        Raises:
            AssertionError: none is, in time, or the run ended before; tells the tasks' states.
        """

        def reached() -> TaskState | None:
            ended = self.run_state(dag_id, run_id) in FINISHED
            result = next((task for task in self.tasks(dag_id, run_id) if condition(task)), None)
            assert result or not ended, f"{what}: the run ended before:\n{self.describe(dag_id, run_id)}"
            return result

        return self._poll(reached, seconds, what, dag_id, run_id)

    def describe(self, dag_id: str, run_id: str) -> str:
        """Return a line on each task, for messages."""
        return "\n".join(
            f"  {task.task_id}[{task.map_index}] {task.label} try {task.try_number}: {task.state}"
            for task in self.tasks(dag_id, run_id)
        )

    def logs(self, dag_id: str, run_id: str, task_id: str, try_number: int, map_index: int = -1) -> str:
        """Return the log of one try of a task, a message a line; what a message carries beside its text follows it."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        query = {"map_index": map_index, "full_content": True}
        content = self._get(path, params=query)["content"]
        return "\n".join(message if isinstance(message, str) else _line(message) for message in content)

    def health(self) -> dict[str, Any]:
        """Return the state of each component."""
        result: dict[str, Any] = self._get("monitor/health")
        return result

    def pools(self) -> dict[str, int]:
        """Return the slots of each pool."""
        return {pool["name"]: pool["slots"] for pool in self._get("pools")["pools"]}

    def set_slots(self, pool: str, slots: int) -> None:
        """Change how many tasks a pool lets run at once, as an administrator does in the user interface."""
        current = self._get(f"pools/{pool}")
        body = {key: current[key] for key in ("name", "slots", "description", "include_deferred")} | {"slots": slots}
        self._client.patch(f"pools/{pool}", json=body | {"pool": body.pop("name")}).raise_for_status()

    def dag_ids(self) -> set[str]:
        """Return the DAGs that were read."""
        return {dag["dag_id"] for dag in self._get("dags")["dags"]}

    def asset_events(self) -> list[dict[str, Any]]:
        """Return the newest asset events."""
        return list(self._get("assets/events", params={"order_by": "-timestamp"})["asset_events"])

    def _poll(
        self, reached: Callable[[], _Value | None], seconds: float, what: str, dag_id: str, run_id: str
    ) -> _Value:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (result := reached()) is not None:
                return result
            time.sleep(_POLL_SECONDS)
        raise AssertionError(f"{what} after {seconds:.0f} s:\n{self.describe(dag_id, run_id)}")

    def _get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        """Ask as ever, again while the connection breaks: the forwarded port follows the pods of the API server."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return super()._get(path, params)
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)


def _line(message: dict[str, Any]) -> str:
    rest = {key: value for key, value in message.items() if key not in {"event", "timestamp"}}
    return str(message["event"]) + (f"  {json.dumps(rest, default=str)}" if rest else "")
