"""Arguments of a DAG's commands, from its form and from the answers that small tasks read in the store."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

_MAX_REQUEST: Final = 100


def request_id(dag_id: str, run_id: str) -> str:
    """Return the name of a DAG run's request in the store.

    Airflow's run ids have characters that are invalid in object names. These are replaced, and a hash keeps names
    unique.
    """
    plain = re.sub(r"[^A-Za-z0-9._=-]+", "-", f"{dag_id}.{run_id}")[:_MAX_REQUEST]
    return f"{plain}.{hashlib.sha256(f'{dag_id}/{run_id}'.encode()).hexdigest()[:8]}"


def plan_arguments(context: Mapping[str, Any], jinja_env: object = None) -> list[str]:  # noqa: ARG001 - Airflow's call
    """Return `mempipe plan …` for a DAG run's form; Airflow calls it when the task runs."""
    params = context["params"]
    options = {
        "--store": params["store"],
        "--trials": params["trials"],
        "--add-trials": params["add_trials"],
        "--chunk-size": params["chunk_size"],
        "--task-size": params["task_size"],
        "--request": request_id(context["dag"].dag_id, context["run_id"]),
    }
    arguments = ["plan", str(params["spec"])]
    for option, value in options.items():
        if value is not None:
            arguments += [option, str(value)]
    return arguments


def xcom_field(field: str, *, task_id: str) -> str:
    """Return the template of a field of the dictionary that the task `task_id` returns."""
    return f"{{{{ ti.xcom_pull(task_ids='{task_id}')['{field}'] }}}}"
