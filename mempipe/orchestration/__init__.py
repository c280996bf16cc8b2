"""Airflow: DAGs, container tasks (a Kubernetes pod or a local process), and the embedded Airflow.

The only package, beside `dags/`, that imports Airflow; no other package of mempipe imports this one.
"""
