"""The part of Airflow's REST API that the embedded mode uses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx

FINISHED: Final = frozenset({"success", "failed"})

_PAGE: Final = 100
"""Maximal number of items in an answer of Airflow (`[api] maximum_page_limit`)."""


@dataclass(frozen=True)
class TaskState:
    """One task, or one instance of a mapped task.

    Attributes:
        task_id, map_index: its id; the index is -1 if it is not mapped.
        label: label in the user interface (the range of trials of a mapped task), or empty.
        state: Airflow's name of the state, or None if the scheduler has not seen it.
        try_number: number of its current try.
        started, seconds: its start and its duration.
    """

    task_id: str
    map_index: int
    label: str
    state: str | None
    try_number: int
    started: datetime | None
    seconds: float | None


class Api:
    """Client of one Airflow; uses no proxy.

    Args:
        url: URL of its API server.
        token: token of a user; None if Airflow requires no credentials.
        transport: transport of the requests; None: the network.
    """

    def __init__(self, url: str, *, token: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(
            base_url=f"{url}/api/v2/", timeout=20, trust_env=False, headers=headers, transport=transport
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def is_healthy(self) -> bool:
        """Return whether API server, database and scheduler work."""
        try:
            health = self._client.get("monitor/health").raise_for_status().json()
        except httpx.HTTPError:
            return False
        return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler"))

    def import_errors(self) -> list[str]:
        """Return the errors of DAG files that could not be read."""
        errors = self._get("importErrors")["import_errors"]
        return [f"{error['filename']}:\n{error['stack_trace']}" for error in errors]

    def is_parsed_since(self, dag_id: str, since: datetime) -> bool:
        """Return whether the DAG was read after `since`."""
        response = self._client.get(f"dags/{dag_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return False
        parsed = response.raise_for_status().json()["last_parsed_time"]
        return parsed is not None and datetime.fromisoformat(parsed) >= since

    def ensure_pool(self, name: str, slots: int, description: str) -> None:
        """Create a pool if it does not exist; leave an existing one unchanged."""
        if self._client.get(f"pools/{name}").is_success:
            return
        body = {"name": name, "slots": slots, "description": description, "include_deferred": True}
        self._client.post("pools", json=body).raise_for_status()

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a DAG run with these parameters; return its id."""
        response = self._client.post(f"dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})
        return str(response.raise_for_status().json()["dag_run_id"])

    def active_runs(self, dag_id: str) -> list[str]:
        """Return the ids of the DAG's runs that are queued or running."""
        query = {"state": ["queued", "running"]}
        return [run["dag_run_id"] for run in self._get(f"dags/{dag_id}/dagRuns", params=query)["dag_runs"]]

    def fail(self, dag_id: str, run_id: str) -> None:
        """End a DAG run: its running tasks are killed."""
        self._client.patch(f"dags/{dag_id}/dagRuns/{run_id}", json={"state": "failed"}).raise_for_status()

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a DAG run."""
        return str(self._get(f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Return the tasks of a DAG run."""
        instances: list[dict[str, Any]] = []
        while True:
            query = {"limit": _PAGE, "offset": len(instances)}
            page = self._get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances", params=query)
            instances += page["task_instances"]
            if not page["task_instances"] or len(instances) >= page["total_entries"]:
                break
        return [
            TaskState(
                task_id=item["task_id"],
                map_index=item["map_index"],
                label=item["rendered_map_index"] or "",
                state=item["state"],
                try_number=item["try_number"],
                started=datetime.fromisoformat(item["start_date"]) if item["start_date"] else None,
                seconds=item["duration"],
            )
            for item in instances
        ]

    def _get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        return self._client.get(path, params=params).raise_for_status().json()
