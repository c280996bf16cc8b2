"""DAGs as a user of another Airflow makes them: in three lines, twice in one Airflow."""

import re
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag

TWO_OF_EACH = """
from mempipe.orchestration.airflow_dags import Settings, estimate_scores, experiments, last_layer, publish_report

dags = [estimate_scores(), last_layer(), publish_report(), *experiments().values()]
team_b = Settings(store="gs://team-b/mempipe", automatic=False, cpu={"pool": "team_b", "memory": "9Gi"}, retries=7)
dags += [build(dag_id=f"team_b_{build.__name__}", settings=team_b) for build in (estimate_scores, last_layer)]
dags += [publish_report("team_b_report", team_b), *experiments("team_b_", team_b).values()]
globals().update({dag.dag_id: dag for dag in dags})
"""


def test_two_of_each_in_one_airflow(tmp_path: Path, dag_bag: DagBag, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tasks with other ids, stores, pools and requests; the first ones are those of `dags/`."""
    monkeypatch.setenv("MEMPIPE_STORE", "gs://team-a/mempipe")
    (tmp_path / "ours.py").write_text(TWO_OF_EACH)
    bag = DagBag(dag_folder=tmp_path)
    assert bag.import_errors == {}
    team_b = {dag_id: dag for dag_id, dag in bag.dags.items() if dag_id.startswith("team_b_")}
    assert set(bag.dags) - set(team_b) == set(dag_bag.dags)
    assert len(team_b) == len(dag_bag.dags)
    assert bag.dags["estimate_scores"].params["store"] == "gs://team-a/mempipe"
    assert team_b["team_b_estimate_scores"].params["store"] == "gs://team-b/mempipe"
    for dag in team_b.values():
        assert dag.schedule is None
        assert {task.pool for task in dag.tasks} <= {"team_b", "mempipe_train", "default_pool"}
        assert {task.retries for task in dag.tasks} == {7}
    shapes = [sorted(str(dag.task_ids) for dag in dags) for dags in (team_b.values(), dag_bag.dags.values())]
    assert shapes[0] == shapes[1]

    plans = []
    for dag_id in ("estimate_scores", "team_b_estimate_scores"):
        dag = bag.dags[dag_id]
        arguments = dag.get_task("plan").arguments
        plans.append(arguments({"params": dag.params.dump(), "dag": SimpleNamespace(dag_id=dag_id), "run_id": "one"}))
    first, second = plans
    assert first[first.index("--request") + 1] != second[second.index("--request") + 1]
    assert [arguments[arguments.index("--store") + 1] for arguments in plans] == [
        *("gs://team-a/mempipe", "gs://team-b/mempipe")
    ]


def test_airflow_finds_the_files_of_the_page_on_deployment(tmp_path: Path, dag_bag: DagBag) -> None:
    """As it searches by default: it passes over files without the words "airflow" and "dag"."""
    page = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()
    files = re.findall(r"^  ```python\n(.*?)^  ```$", page, flags=re.DOTALL | re.MULTILINE)
    for number, content in enumerate(files):
        (tmp_path / f"file_{number}.py").write_text(textwrap.dedent(content))
    bag = DagBag(dag_folder=tmp_path, safe_mode=True)
    assert bag.import_errors == {}
    assert set(bag.dags) == {*dag_bag.dags, "team_b_scores"}
    assert bag.dags["team_b_scores"].params["store"] == "gs://team-b/mempipe"
