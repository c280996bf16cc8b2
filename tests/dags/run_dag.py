"""Runs one DAG in this process, as `airflow dags test` does, and prints the states of its tasks and the asset events.

    python -m tests.dags.run_dag DAG_ID CONF

Needs `AIRFLOW_HOME`; makes its database at the first use.
"""

import json
import subprocess
import sys
from pathlib import Path

DAGS = Path(__file__).resolve().parents[2] / "dags"


def main(dag_id: str, conf: str) -> None:
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.asset import AssetEvent
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    bag = DagBag(dag_folder=DAGS)
    with create_session() as session:
        session.merge(DagBundleModel(name="tests"))
    sync_bag_to_db(bag, "tests", None)
    for pool in ("mempipe_cpu", "mempipe_train"):
        Pool.create_or_update_pool(pool, slots=2, description="", include_deferred=True)
    run = bag.dags[dag_id].test(run_conf=json.loads(conf))
    states = {f"{task.task_id}.{task.map_index}": task.state for task in run.get_task_instances()}
    with create_session() as session:
        events = [(event.asset.name, event.extra) for event in session.query(AssetEvent).order_by(AssetEvent.id)]
    print(json.dumps({"state": run.state, "tasks": states, "events": events}))


if __name__ == "__main__":
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    main(*sys.argv[1:])
