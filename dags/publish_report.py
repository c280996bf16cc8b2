"""The DAG `publish_report`."""

from mempipe.orchestration.airflow_dags import publish_report

dag = publish_report()
