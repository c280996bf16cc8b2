"""Limits of a pod's resources: memory, GPUs, an image that exists. The error names the limit and the next action."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.estimates import DAG_ID, TRAIN, digits, estimate
from tests.cluster.installation import Installation
from tests.servers import absent

pytestmark = pytest.mark.cluster

GPU = "nvidia.com/gpu"
POOL = "mempipe_train"
SETTINGS = "mempipe-settings"


def test_out_of_memory_says_what_to_raise(airflow: Installation) -> None:
    """A thousand models at once, with their momentum, need more than the 2 GiB of the pod."""
    spec = digits("too-large", model={"name": "mlp", "hidden": [4096]}, trainer={"kind": "ensemble", "width": 1000})
    with estimate(airflow, spec) as started:
        log = started.wait_for_failure("train", "OOMKilled")
        task = started.task("train")
    assert "needs more memory than its limit of 2Gi: raise MEMPIPE_TRAIN__MEMORY (chart: pools.train.memory)" in log
    assert task.try_number == 1  # it would be killed again


@pytest.mark.parametrize("slots", [2, 8])
def test_eight_tasks_share_the_gpus(airflow: Installation, slots: int) -> None:
    """Never more at once than there are GPUs, whether Airflow's pool bounds the tasks or the nodes are full."""
    n_gpus = _gpus(airflow)
    spec = digits(f"eight-tasks-{slots}", seed=10 + slots, trials=400, task_size=1)
    most_running = most_there = 0
    with _pool(airflow, slots), estimate(airflow, spec) as started:
        deadline = time.monotonic() + 420
        while time.monotonic() < deadline:
            pods = [pod for pod in started.pods() if pod["status"]["phase"] in {"Pending", "Running"}]
            on_a_node = [pod for pod in pods if pod["spec"].get("nodeName")]
            most_there, most_running = max(most_there, len(pods)), max(most_running, len(on_a_node))
            tasks = started.training()
            if len(tasks) == 8 and all(task.state == "success" for task in tasks):
                break
            assert not any(task.state in {"failed", "up_for_retry"} for task in tasks), started.log(tasks[0])
            time.sleep(0.5)
        tasks = started.wait_for_training(seconds=10)
    assert len(tasks) == 8
    assert [task.try_number for task in tasks] == [1] * 8
    assert most_running == n_gpus
    assert most_there <= slots
    if slots > n_gpus:
        assert most_there > n_gpus  # some did wait for a GPU


def test_an_image_that_cannot_be_pulled_says_so(airflow: Installation) -> None:
    with (
        _training_image(airflow, "localhost/mempipe-absent:1.0"),
        estimate(airflow, digits("no-image", seed=5)) as started,
    ):
        log = started.wait_for_failure("train", "Hint: check the image's name and tag (chart: images)", seconds=240)
        assert started.wait(seconds=240) == "failed"
        assert airflow.training.items("pod", selector=TRAIN) == []
    assert "localhost/mempipe-absent:1.0" in log


def _gpus(airflow: Installation) -> int:
    nodes = airflow.kubectl.items("node")
    n_allocatable = sum(int(node["status"]["allocatable"].get(GPU, 0)) for node in nodes)
    if n_allocatable != 2:
        absent(f"the cluster has {n_allocatable} {GPU}, expected 2")
    return n_allocatable


@contextmanager
def _pool(airflow: Installation, slots: int) -> Iterator[None]:
    before = airflow.api.pools()[POOL]
    airflow.api.set_slots(POOL, slots)
    try:
        yield
    finally:
        airflow.api.set_slots(POOL, before)


@contextmanager
def _training_image(airflow: Installation, image: str) -> Iterator[None]:
    """Let the DAGs make training pods of another image, as an upgrade of the chart would."""
    value = airflow.kubectl.get("configmap", SETTINGS)["data"]["MEMPIPE_TRAIN"]
    try:
        _set_training(airflow, json.dumps(json.loads(value) | {"image": image}))
        yield
    finally:
        _set_training(airflow, value)


def _set_training(airflow: Installation, text: str) -> None:
    airflow.kubectl.patch("configmap", SETTINGS, {"data": {"MEMPIPE_TRAIN": text}})
    names = [f"deployment/mempipe-{component}" for component in ("scheduler", "dag-processor")]
    airflow.kubectl.run("rollout", "restart", *names)
    for name in names:
        airflow.kubectl.rollout(name)
    assert airflow.api.import_errors() == [], DAG_ID
