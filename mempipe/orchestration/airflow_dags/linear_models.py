"""### Whether the last layer suffices for memorization (section 3.6, Figure 8).

Trains one model on the full training set of a release, uses the inputs of its last layer as features of each example,
estimates scores with linear models on these features, and compares both releases.

**Start.** *Trigger* opens a form: `release` is the URI that `mempipe publish` printed; `trials` the number of linear
models.
By hand: `mempipe experiment features RELEASE`, then `mempipe run SPEC --store URI` with the spec that it prints, then
`mempipe experiment last-layer RELEASE --linear LINEAR_RELEASE` with the release that this prints.

**Steps.**

- `features` trains the model and writes the features and a spec of linear models; `read_features` reads its URI.
- `plan`, `read_request`, `missing_trials`, `train`, `validate`, `repairs`, `train_again`, `validate_again`,
  `aggregate`, `publish` and `announce` are those of `estimate_scores`, on that spec; the release has the name
  `<name>-last-layer`.
- `linear_release` reads the URI of that release; `plan_comparison`, `comparison` and `finish` compare it with the
  first one.
- `announce_results` updates the asset `mempipe_results`; it is skipped if the results were already announced.

**Extend.** Trigger it with more `trials`: the features and the committed linear models are used again.

{resume}

{failures}

**Files.** In the store: `runs/<run>-removal-…/features/` with the features and the spec; the run and the release of the
linear models as for any spec; `experiments/<name>/<release id>/` with the comparison; `requests/` with the answers to
each DAG run. Each step can be repeated by hand: the first line of its log is the command.
"""

from collections.abc import Mapping
from typing import Any, Final

from airflow.sdk import DAG, Param, get_current_context, task

from mempipe.orchestration import store_reader
from mempipe.orchestration.airflow_dags.new_dag import new_dag
from mempipe.orchestration.arguments import xcom_field
from mempipe.orchestration.container_task import container_task, mapped_container_task
from mempipe.orchestration.estimation import Estimate, estimate
from mempipe.orchestration.forms import number_param, release_param, store_param
from mempipe.orchestration.jobs import experiment_arguments, features_arguments, finish_arguments, job_of
from mempipe.orchestration.outcome import mempipe_errors
from mempipe.orchestration.results import announce_results
from mempipe.orchestration.runbook import FAILURES, RESUME
from mempipe.orchestration.settings import Settings

LINEAR: Final = ".linear"
COMPARISON: Final = ".comparison"
"""Suffixes of the names of the requests for the linear models and for the comparison."""


def last_layer(dag_id: str = "experiment_last_layer", settings: Settings | None = None) -> DAG:
    """Return the DAG of the last-layer experiment.

    Args:
        dag_id: id of the DAG; two DAGs of one Airflow need different ones.
        settings: settings of this installation; None: from the environment.
    """
    settings = settings or Settings()
    with new_dag(
        dag_id,
        description="Linear models on the features of one model's last layer, compared with the networks (section 3.6)",
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
    """Return the estimate of the linear models."""
    job = job_of(context)
    return Estimate(job.store, job.request + LINEAR, None)


@task
def read_features() -> dict[str, str]:
    """Return the spec of linear models and their store."""
    context = get_current_context()
    with mempipe_errors():
        job = job_of(context)
        spec = store_reader.features_spec(job.store, job.request)
        return {"spec": spec, "store": job.store, "request": linear_models(context).request}


@task
def linear_release() -> list[list[str]]:
    """Return the arguments that plan the comparison with the release of the linear models."""
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
        "trials": number_param(
            "Trials", "Number of linear models; empty: as many as the release has (the paper: 4,000)."
        ),
        "epochs": Param(40, type="integer", minimum=1, title="Epochs", description="Epochs of each linear model."),
    }
