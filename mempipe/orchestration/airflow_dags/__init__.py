"""Functions that return the DAGs, so that a file of three lines in any Airflow's DAG folder defines them.

    from mempipe.orchestration.airflow_dags import Settings, estimate_scores

    dag = estimate_scores()
    dag_of_team_b = estimate_scores(dag_id="team_b_scores", settings=Settings(store="gs://team-b/mempipe"))

By default, the settings are read from the environment. Airflow reads only files whose text contains "airflow" and
"dag", as the name of this package does.
"""

from mempipe.orchestration.airflow_dags.experiment import experiments
from mempipe.orchestration.airflow_dags.linear_models import last_layer
from mempipe.orchestration.airflow_dags.report import publish_report
from mempipe.orchestration.airflow_dags.scores import estimate_scores
from mempipe.orchestration.settings import Settings

__all__ = ["Settings", "estimate_scores", "experiments", "last_layer", "publish_report"]
