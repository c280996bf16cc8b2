"""The DAG `estimate_scores`."""

from mempipe.orchestration.airflow_dags import estimate_scores

dag = estimate_scores()
