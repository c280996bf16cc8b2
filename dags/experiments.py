"""One DAG for each experiment: `experiment_<name>`."""

from mempipe.orchestration.airflow_dags import experiments

globals().update(experiments())
