"""A complete Airflow on this machine, for demos and small data: `python -m mempipe.orchestration.embedded demo|ui`.

It has a scheduler, API server and DAG processor, with SQLite and LocalExecutor, reachable from this machine only. This
package starts them as processes and calls them over HTTP; it does not import Airflow.
"""
