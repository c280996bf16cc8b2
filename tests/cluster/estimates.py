"""DAG runs of small estimates, each on a run of its own, and what the cluster did for them."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import yaml

from mempipe.orchestration.arguments import request_id
from mempipe.orchestration.embedded.api import FINISHED, TaskState
from mempipe.orchestration.store_reader import RunArguments
from mempipe.places import SIDECARS
from mempipe.runs import Run, open_run
from tests.cluster.installation import STORE, Installation

DAG_ID: Final = "estimate_scores"
TRAIN: Final = "app.kubernetes.io/component=train"
_PREFIX: Final = STORE.split("/", 3)[3]
_END_SECONDS: Final = 120


def digits(name: str, **changes: Any) -> dict[str, Any]:
    """Return a spec of the digits data set in chunks of 50 trials; two chunks a task.

    `epochs` sets how long a chunk takes: 40 are about a second of one core, so 700 let a test meet a pod at work.
    """
    epochs = changes.pop("epochs", 40)
    return {
        "name": name,
        "data": {"name": "digits"},
        "model": {"name": "mlp", "hidden": [64]},
        "recipe": {"epochs": epochs, "batch_size": 64, "learning_rate": 0.1},
        "trainer": {"kind": "ensemble", "width": 50},
        "seed": 0,
        "trials": 200,
        "chunk_size": 50,
        "task_size": 2,
    } | changes


@dataclass
class Estimate:
    """One DAG run.

    Attributes:
        airflow: the installation that it runs on.
        run_id: Airflow's name of it.
        pods_before: training pods that had been started before it.
    """

    airflow: Installation
    run_id: str
    pods_before: frozenset[str] = field(default_factory=frozenset)

    def wait(self, *, seconds: float = 420) -> str:
        """Wait until the run has ended; return its state."""
        return self.airflow.api.wait(DAG_ID, self.run_id, seconds=seconds)

    def wait_for_training(self, *, seconds: float = 420) -> list[TaskState]:
        """Wait until every training task has succeeded; return them."""

        def finished() -> list[TaskState] | None:
            tasks = self.training()
            for task in tasks:
                assert task.state not in {"failed", "up_for_retry"}, self._failed(task)
            return tasks if tasks and all(task.state == "success" for task in tasks) else None

        return self._until(finished, seconds, "training has not succeeded")

    def wait_for_failure(self, task_id: str, message: str, *, seconds: float = 300) -> str:
        """Wait until a task has failed permanently; return the log of its last try, which contains `message`."""

        def failed() -> TaskState | None:
            tasks = self.airflow.api.tasks(DAG_ID, self.run_id)
            return next((task for task in tasks if (task.task_id, task.state) == (task_id, "failed")), None)

        task = self._until(failed, seconds, f"{task_id} has not failed")
        return self.wait_for_log(task, message)

    def training(self) -> list[TaskState]:
        """Return the tasks of the first round of training that are mapped already."""
        tasks = self.airflow.api.tasks(DAG_ID, self.run_id)
        return [task for task in tasks if task.task_id == "train" and task.map_index >= 0]

    def task(self, task_id: str) -> TaskState:
        """Return a task, of a mapped one the first."""
        value = [task for task in self.airflow.api.tasks(DAG_ID, self.run_id) if task.task_id == task_id]
        return min(value, key=lambda task: task.map_index)

    def log(self, task: TaskState) -> str:
        """Return the log of a task's last try."""
        return self.airflow.api.logs(DAG_ID, self.run_id, task.task_id, task.try_number, task.map_index)

    def wait_for_log(self, task: TaskState, text: str, *, seconds: float = 60) -> str:
        """Return the log of a task's last try when it holds `text`: Airflow uploads a log after the task's end."""
        deadline = time.monotonic() + seconds
        while text not in (log := self.log(task)):
            assert time.monotonic() < deadline, f"{text!r} is not in the log:\n{log[-6000:]}"
            time.sleep(2)
        return log

    def requested(self) -> RunArguments:
        """Return what `mempipe plan` recorded for this DAG run."""
        answer = json.loads(self.airflow.store.store(_PREFIX).read(f"requests/{request_id(DAG_ID, self.run_id)}.json"))
        return RunArguments(run=answer["run"], trials=str(answer["trials"]), release_name="")

    def run(self) -> Run:
        """Return the run in the store."""
        return open_run(self.airflow.store.store(self.requested()["run"].split("/", 3)[3]))

    def commits(self) -> list[str]:
        """Return the sidecars of the run: one for each different content of a shard that was ever committed."""
        return [info.key for info in self.run().store.list(SIDECARS)]

    def pods(self) -> list[dict[str, Any]]:
        """Return the training pods that there are now."""
        return self.airflow.training.items("pod", selector=TRAIN)

    def pods_started(self) -> dict[str, datetime]:
        """Return the training pods that a node was found for since this run was triggered, and when."""
        value = training_pods(self.airflow)
        return {name: when for name, when in value.items() if name not in self.pods_before}

    def wait_for_pods(self, count: int, *, seconds: float = 180) -> list[dict[str, Any]]:
        """Wait until so many training pods run and the first chunk is committed; return them."""

        def at_work() -> list[dict[str, Any]] | None:
            running = [pod for pod in self.pods() if pod["status"]["phase"] == "Running"]
            return running if len(running) >= count and self.run().shards() else None

        return self._until(at_work, seconds, f"{count} training pods are not at work")

    def _until(self, reached: Callable[[], Any], seconds: float, what: str) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (value := reached()) is not None:
                return value
            state = self.airflow.api.run_state(DAG_ID, self.run_id)
            if state in FINISHED and (value := reached()) is not None:
                return value
            assert state not in FINISHED, f"{what}: the run ended ({state}):\n{self._described()}"
            time.sleep(1)
        raise AssertionError(f"{what} after {seconds:.0f} s:\n{self._described()}")

    def _described(self) -> str:
        return self.airflow.api.describe(DAG_ID, self.run_id)

    def _failed(self, task: TaskState) -> str:
        return f"{task.task_id}[{task.map_index}] is {task.state}:\n{self.log(task)[-4000:]}"


@contextmanager
def estimate(airflow: Installation, spec: dict[str, Any], **conf: Any) -> Iterator[Estimate]:
    """Put a spec into the store and trigger a run of it; afterwards end the run where it has not ended.

    Airflow skips a task that is about to be resumed when its run is marked as failed, and the pod of such a task stays
    (docs/deploy.md, section 5). It would hold a GPU for the tests that follow, so what is left is deleted.

    Args:
        airflow: the installation.
        spec: of the estimate; the store and the DAG's form get it as a URI.
        conf: other fields of the form.
    """
    key = f"specs/{spec['name']}.yaml"
    airflow.store.store(_PREFIX).create(key, yaml.safe_dump(spec).encode())
    before = frozenset(training_pods(airflow))
    run_id = airflow.api.trigger(DAG_ID, {"spec": f"{STORE}/{key}"} | conf)
    started = Estimate(airflow, run_id, before)
    try:
        yield started
    finally:
        if airflow.api.run_state(DAG_ID, run_id) not in FINISHED:
            airflow.api.fail(DAG_ID, run_id)
            airflow.training.delete("pod", selector=TRAIN, seconds=_END_SECONDS)


def training_pods(airflow: Installation) -> dict[str, datetime]:
    """Return all training pods that a node was ever found for, and when, from the events of their namespace."""
    return {
        event["involvedObject"]["name"]: datetime.fromisoformat(event["eventTime"] or event["firstTimestamp"])
        for event in airflow.training.items("event")
        if event.get("reason") == "Scheduled" and event["involvedObject"]["name"].startswith("mempipe-train-")
    }
