"""Common settings of all DAGs."""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG

from mempipe.orchestration.settings import Settings


def new_dag(dag_id: str, *, doc_md: str, settings: Settings, tags: tuple[str, ...] = (), **arguments: Any) -> DAG:
    """Return a DAG without tasks.

    Args:
        dag_id: id of the DAG.
        doc_md: its runbook.
        settings: settings of this installation.
        tags: additional tags.
        arguments: other arguments of Airflow's `DAG`, such as `description`, `schedule` and `params`.
    """
    return DAG(
        dag_id=dag_id,
        doc_md=doc_md,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,  # two runs would train the same trials
        tags={"mempipe", *tags},
        default_args=settings.default_args(),
        **arguments,
    )
