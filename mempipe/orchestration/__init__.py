"""Airflow: container tasks (a Kubernetes pod or a local process), the embedded Airflow, and nothing of the science.

The only package, beside `dags/`, that imports Airflow; no other package of mempipe imports this one.
"""
