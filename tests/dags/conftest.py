"""Gives the tests the DAGs as Airflow's DAG processor reads them."""

from pathlib import Path

import pytest

import tests.airflow_home  # noqa: F401

DAGS = Path(__file__).resolve().parents[2] / "dags"


@pytest.fixture(scope="session")
def dag_bag():
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=DAGS)


@pytest.fixture
def dag(dag_bag):
    return dag_bag.dags["estimate_scores"]
