"""### Whether the last layer suffices for memorization (section 3.6, Figure 8).

Trains one model on the full training set of a release, takes what its last layer sees as the representation of each
example, estimates scores with linear models on these features, and compares both releases.

**Start.** *Trigger* opens a form: `release` is the URI that `mempipe publish` printed; `trials` how many linear models.
By hand: `mempipe experiment features RELEASE`, then `mempipe run SPEC --store URI` with the spec that it prints, then
`mempipe experiment last-layer RELEASE --linear LINEAR_RELEASE` with the release that this prints.

**Steps.**

- `features` trains the one model and writes features and a spec of linear models; `read_features` reads where.
- `plan`, `read_request`, `missing_trials`, `train`, `validate`, `repairs`, `train_again`, `validate_again`,
  `aggregate`, `publish` and `announce` are those of `estimate_scores`, on that spec; the release is called
  `<name>-last-layer`.
- `linear_release` reads which release that became; `plan_comparison`, `comparison` and `finish` compare it with
  the first.
- `announce_results` updates the asset `mempipe_results`; it is skipped where the same was found and announced before.

**Extend.** Trigger it with more `trials`: the features and all linear models that are there are used again.

{resume}

{failures}

**Where things are.** In the store: `runs/<run>-removal-…/features/` with the features and the spec; the runs and
releases of the linear models as those of any spec; `experiments/<name>/<release id>/` with the comparison; `requests/`,
what belongs to which DAG run. Each step can be repeated by hand: the first line of its log is the command.
"""

from collections.abc import Mapping
from typing import Any, Final

from airflow.sdk import DAG, Param, get_current_context, task

from mempipe.orchestration import store_reader
from mempipe.orchestration.airflow_dags.new_dag import new_dag
from mempipe.orchestration.arguments import xcom_field
from mempipe.orchestration.container_task import container_task, mapped_container_task
from mempipe.orchestration.estimation import Estimate, estimate
from mempipe.orchestration.forms import release_param, store_param
from mempipe.orchestration.jobs import experiment_arguments, features_arguments, finish_arguments, job_of
from mempipe.orchestration.outcome import mempipe_errors
from mempipe.orchestration.results import announce_results
from mempipe.orchestration.runbook import FAILURES, RESUME
from mempipe.orchestration.settings import Settings

LINEAR: Final = ".linear"
COMPARISON: Final = ".comparison"
"""Ends of the names of the requests for the linear models, and for the comparison."""


def last_layer(dag_id: str = "experiment_last_layer", settings: Settings | None = None) -> DAG:
    """Return the DAG that asks whether the last layer suffices for memorization.

    Args:
        dag_id: its name; two DAGs of one Airflow need two.
        settings: of this installation; None: from the environment.
    """
    settings = settings or Settings()
    with new_dag(
        dag_id,
        description="Linear models on what one model's last layer sees, compared with the whole networks (section 3.6)",
        doc_md=__doc__.format(resume=RESUME, failures=FAILURES),
        schedule=None,
        tags=("experiment",),
        params=_params(settings),
        settings=settings,
    ) as dag:
        features = container_task("features", kind="train", arguments=features_arguments, settings=settings)
        spec, store, request = (xcom_field(field, task_id="read_features") for field in ("spec", "store", "request"))
        arguments = ["plan", spec, "--store", store, "--request", request]
        plan = container_task("plan", kind="cpu", arguments=arguments, settings=settings)
        features >> read_features() >> plan
        publish = estimate(plan, linear_models, settings)
        linear = linear_release()
        plan_comparison = mapped_container_task("plan_comparison", kind="cpu", arguments=linear, settings=settings)
        plans = comparison()
        finish = mapped_container_task("finish", kind="cpu", arguments=plans, settings=settings)
        publish >> linear
        plan_comparison >> plans
        finish >> announce_results(COMPARISON)
    return dag


def linear_models(context: Mapping[str, Any]) -> Estimate:
    """Return the estimate that the linear models make."""
    job = job_of(context)
    return Estimate(job.store, job.request + LINEAR, None)


@task
def read_features() -> dict[str, str]:
    """Return where the spec of linear models is, and where they are kept."""
    context = get_current_context()
    with mempipe_errors():
        job = job_of(context)
        spec = store_reader.features_spec(job.store, job.request)
        return {"spec": spec, "store": job.store, "request": linear_models(context).request}


@task
def linear_release() -> list[list[str]]:
    """Return the arguments that plan the comparison with the release that the linear models became."""
    context = get_current_context()
    with mempipe_errors():
        job = job_of(context)
        linear = store_reader.published_release(job.store, linear_models(context).request)
        return [experiment_arguments("last-layer", {"linear": linear}, job._replace(request=job.request + COMPARISON))]


@task
def comparison() -> list[list[str]]:
    """Return the arguments that finish the comparison."""
    with mempipe_errors():
        return [finish_arguments(job_of(get_current_context()), COMPARISON)]


def _params(settings: Settings) -> dict[str, Param]:
    return {
        "release": release_param(optional=False, store=settings.store),
        "store": store_param(),
        "trials": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Trials",
            description="Linear models in all; empty: as many as the release has (the paper: 4,000).",
        ),
        "epochs": Param(40, type="integer", minimum=1, title="Epochs", description="Of each linear model."),
    }
