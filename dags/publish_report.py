"""### The website of a release.

Makes the static website of a release, with what the experiments found, and puts it into the store.

**Start.** It starts by itself when a release is announced (asset `mempipe_releases`) or an experiment found something
new (`mempipe_results`), for the releases that these tell of. *Trigger* opens a form: `release` is the URI that `mempipe
publish` printed, `store` where the website is kept. By hand: `mempipe report RELEASE --out DIR`.

**Steps.**

- `reports` tells for which releases and where to.
- `report` makes the website of one of them and writes it, its first page last.

**Extend.** There is nothing to extend: a later report of the same release replaces the earlier one.

{resume}

{failures}

**Where things are.** In the store: `reports/<name>/<release id>/index.html`; a bucket that serves websites serves it as
it is, and a folder can be opened as a file. The step can be repeated by hand: the first line of its log is the command.
"""

from datetime import UTC, datetime

from airflow.sdk import DAG, get_current_context, task

from mempipe.orchestration import store_reader
from mempipe.orchestration.asked import asked_releases
from mempipe.orchestration.assets import RELEASES, RESULTS
from mempipe.orchestration.container_task import mapped_container_task
from mempipe.orchestration.forms import release_param, store_param
from mempipe.orchestration.outcome import mempipe_errors
from mempipe.orchestration.runbook import FAILURES, RESUME
from mempipe.orchestration.settings import load_settings
from mempipe.places import report_place

settings = load_settings()


@task
def reports() -> list[list[str]]:
    """Return the arguments of one report for each release that the DAG run is about."""
    arguments = []
    with mempipe_errors():
        for asked in asked_releases(get_current_context()):
            found = store_reader.identify_release(asked.release)
            out = f"{asked.store.rstrip('/')}/{report_place(found['name'], found['id'])}"
            arguments.append(["report", "--out", out, found["release"]])
    return arguments


with DAG(
    dag_id="publish_report",
    description="The website of a release, in the store",
    doc_md=__doc__.format(resume=RESUME, failures=FAILURES),
    schedule=(RELEASES | RESULTS) if settings.automatic else None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags={"mempipe"},
    params={"release": release_param(optional=True, store=settings.store), "store": store_param()},
    default_args=settings.default_args(),
) as dag:
    mapped_container_task("report", kind="cpu", arguments=reports(), settings=settings)
