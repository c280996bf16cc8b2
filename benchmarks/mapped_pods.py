"""### What Airflow itself costs: many mapped tasks whose command does nothing.

Not part of the product. Put it beside `dags/estimate_scores.py`, trigger it, and look at the run's duration:

- on a cluster: an image `FROM mempipe-airflow` with `COPY benchmarks/mapped_pods.py /opt/mempipe/dags/`;
- on one machine: a copy in `dags/`, then `make ui`.
"""

from datetime import UTC, datetime

from airflow.sdk import DAG, Param, get_current_context, task

from mempipe.orchestration.container_task import mapped_container_task
from mempipe.orchestration.settings import load_settings

settings = load_settings()


@task
def commands() -> list[list[str]]:
    """Return one command that only prints its help for each task."""
    return [["--help"]] * get_current_context()["params"]["tasks"]


with DAG(
    dag_id="mapped_pods",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    tags={"mempipe"},
    params={"tasks": Param(250, type="integer", minimum=1)},
    default_args=settings.default_args(),
) as dag:
    mapped_container_task("empty", kind="cpu", arguments=commands(), settings=settings)
