"""Gives Airflow a folder of its own, and the tests the DAGs as Airflow's DAG processor reads them."""

import os
import tempfile
from pathlib import Path

import pytest

if "mempipe-airflow-" not in os.environ.get("AIRFLOW_HOME", ""):  # tests/orchestration may have been collected first
    for name in [name for name in os.environ if name.startswith(("AIRFLOW_", "MEMPIPE_"))]:
        if not name.startswith(("MEMPIPE_TEST_", "MEMPIPE_REQUIRE_")):  # these are about the tests, not about Airflow
            del os.environ[name]
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="mempipe-airflow-")
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

DAGS = Path(__file__).resolve().parents[2] / "dags"


@pytest.fixture(scope="session")
def dag_bag():
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=DAGS)


@pytest.fixture
def dag(dag_bag):
    return dag_bag.dags["estimate_scores"]
