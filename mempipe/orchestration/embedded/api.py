"""The part of Airflow's REST API that the embedded mode uses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx

FINISHED: Final = frozenset({"success", "failed"})

_PAGE: Final = 100
"""Airflow returns at most so many items at once, whatever is asked for (`[api] maximum_page_limit`)."""


@dataclass(frozen=True)
class TaskState:
    """One task, or one of a mapped task's.

    Attributes:
        task_id, map_index: which; -1 where it is not mapped.
        label: what the user interface calls it (the range of trials of a mapped task), or empty.
        state: Airflow's word, or None where it was not looked at yet.
        try_number: which try it is in.
        started, seconds: when it started and how long it has run.
    """

    task_id: str
    map_index: int
    label: str
    state: str | None
    try_number: int
    started: datetime | None
    seconds: float | None


class Api:
    """Talks to one Airflow, without a proxy.

    Args:
        url: of its API server.
        token: of a user; None where Airflow asks for no credentials.
        transport: by what requests travel; None: the network.
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
        """Tell whether API server, database and scheduler work."""
        try:
            health = self._client.get("monitor/health").raise_for_status().json()
        except httpx.HTTPError:
            return False
        return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler"))

    def import_errors(self) -> list[str]:
        """Return why DAG files could not be read."""
        found = self._get("importErrors")["import_errors"]
        return [f"{error['filename']}:\n{error['stack_trace']}" for error in found]

    def is_parsed_since(self, dag_id: str, since: datetime) -> bool:
        """Tell whether the DAG was read after `since`."""
        response = self._client.get(f"dags/{dag_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return False
        parsed = response.raise_for_status().json()["last_parsed_time"]
        return parsed is not None and datetime.fromisoformat(parsed) >= since

    def ensure_pool(self, name: str, slots: int, description: str) -> None:
        """Make a pool where it is not there; leave it as it is where it is."""
        if self._client.get(f"pools/{name}").is_success:
            return
        body = {"name": name, "slots": slots, "description": description, "include_deferred": True}
        self._client.post("pools", json=body).raise_for_status()

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a DAG run with these params; return its id."""
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
        found: list[dict[str, Any]] = []
        while True:
            query = {"limit": _PAGE, "offset": len(found)}
            page = self._get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances", params=query)
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
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
            for item in found
        ]

    def _get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        return self._client.get(path, params=params).raise_for_status().json()
