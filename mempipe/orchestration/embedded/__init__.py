"""A whole Airflow on this machine, for trials and for small data: `python -m mempipe.orchestration.embedded demo|ui`.

Its scheduler, API server and DAG processor with SQLite and LocalExecutor, reachable from this machine only. This
package starts them as processes and talks to them over HTTP; it imports no Airflow itself.
"""
