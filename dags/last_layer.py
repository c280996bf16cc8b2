"""The DAG `experiment_last_layer`."""

from mempipe.orchestration.airflow_dags import last_layer

dag = last_layer()
