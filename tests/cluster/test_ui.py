"""A person starts an estimate in Airflow's user interface and watches it end."""

import pytest

from tests.cluster.artifacts import artifacts
from tests.cluster.browser import AirflowPages, chromium
from tests.cluster.installation import Installation
from tests.cluster.object_store import BUCKET

pytestmark = pytest.mark.cluster

DAG = "estimate_scores"
FOLDER = "from-the-form"  # a store of its own: nothing is trained there yet
NUMBERS = {"Trials": 20, "Chunk size": 10, "Task size": 1}
TEXTS = {"store": f"gs://{BUCKET}/{FOLDER}", "release_name": "by-hand"}


def test_an_estimate_from_the_form_to_its_release(airflow: Installation) -> None:
    with chromium() as page:
        pages = AirflowPages(page, airflow.url, artifacts("ui"))
        pages.sign_in(airflow.username, airflow.password)
        pages.open_dag(DAG)
        assert "When a task fails" in pages.read_runbook()
        run_id = pages.trigger(NUMBERS, TEXTS)
        pages.wait_for_run(run_id, "Success", seconds=600)
    tasks = airflow.api.tasks(DAG, run_id)
    assert {task.label: task.state for task in tasks if task.task_id == "train"} == {
        "0:10": "success",
        "10:20": "success",
    }
    assert airflow.store.store(FOLDER).exists("releases/by-hand/latest.json")
