"""### The website of a release.

Writes the static website of a release, with the results of its experiments, to the store.

**Start.** It starts by itself when a release (asset `mempipe_releases`) or a result of an experiment
(`mempipe_results`) is announced, for the releases of these events. *Trigger* opens a form: `release` is the URI that
`mempipe publish` printed, `store` is the store of the website. By hand: `mempipe report RELEASE --out DIR`.

**Steps.**

- `reports` returns the releases and the places of their websites.
- `report` writes the website of one release, its first page last.

**Extend.** A later report of the same release replaces the earlier one.

{resume}

{failures}

**Files.** In the store: `reports/<name>/<release id>/index.html`. A bucket can serve it as a website; in a local store,
open the file. The step can be repeated by hand: the first line of its log is the command.
"""

from airflow.sdk import DAG, get_current_context, task

from mempipe.orchestration import store_reader
from mempipe.orchestration.airflow_dags.new_dag import new_dag
from mempipe.orchestration.assets import RELEASES, RESULTS
from mempipe.orchestration.container_task import mapped_container_task
from mempipe.orchestration.forms import release_param, store_param
from mempipe.orchestration.jobs import jobs_of
from mempipe.orchestration.outcome import mempipe_errors
from mempipe.orchestration.runbook import FAILURES, RESUME
from mempipe.orchestration.settings import Settings
from mempipe.places import report_place


def publish_report(dag_id: str = "publish_report", settings: Settings | None = None) -> DAG:
    """Return the DAG that writes the website of a release.

    Args:
        dag_id: id of the DAG; two DAGs of one Airflow need different ones.
        settings: settings of this installation; None: from the environment.
    """
    settings = settings or Settings()
    with new_dag(
        dag_id,
        description="The website of a release, in the store",
        doc_md=__doc__.format(resume=RESUME, failures=FAILURES),
        schedule=(RELEASES | RESULTS) if settings.automatic else None,
        params={"release": release_param(optional=True, store=settings.store), "store": store_param()},
        settings=settings,
    ) as dag:
        mapped_container_task("report", kind="cpu", arguments=reports(), settings=settings)
    return dag


@task
def reports() -> list[list[str]]:
    """Return the arguments of one report for each release of the DAG run."""
    arguments = []
    with mempipe_errors():
        for job in jobs_of(get_current_context()):
            release = store_reader.identify_release(job.release)
            out = f"{job.store.rstrip('/')}/{report_place(release['name'], release['id'])}"
            arguments.append(["report", "--out", out, release["release"]])
    return arguments
