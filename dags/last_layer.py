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
- `linear_release` reads which release that became; `plan_comparison`, `planned_comparison` and `finish` compare it with
  the first.
- `announce_results` updates the asset `mempipe_results`; it is skipped where the same was found and announced before.

**Extend.** Trigger it with more `trials`: the features and all linear models that are there are used again.

{resume}

{failures}

**Where things are.** In the store: `runs/<run>-removal-…/features/` with the features and the spec; the runs and
releases of the linear models as those of any spec; `experiments/<name>/<release id>/` with the comparison; `requests/`,
what a DAG run asked for. Each step can be repeated by hand: the first line of its log is the command.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from airflow.sdk import DAG, Param, get_current_context, task

from mempipe.orchestration import store_reader
from mempipe.orchestration.arguments import of_requested
from mempipe.orchestration.asked import asked_releases, experiment_arguments, features_arguments, finish_arguments
from mempipe.orchestration.container_task import container_task, mapped_container_task
from mempipe.orchestration.estimation import Estimate, estimate
from mempipe.orchestration.forms import release_param, store_param
from mempipe.orchestration.outcome import mempipe_errors
from mempipe.orchestration.results import announce_results
from mempipe.orchestration.runbook import FAILURES, RESUME
from mempipe.orchestration.settings import load_settings

LINEAR: Final = ".linear"
COMPARISON: Final = ".comparison"
"""Ends of the names of the requests for the linear models, and for the comparison."""

settings = load_settings()

PARAMS = {
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


def linear_models(context: Mapping[str, Any]) -> Estimate:
    """Return what is asked of the linear models."""
    (asked,) = asked_releases(context)
    return Estimate(asked.store, asked.request + LINEAR, None)


@task
def read_features() -> dict[str, str]:
    """Return where the spec of linear models is, and where they are kept."""
    context = get_current_context()
    with mempipe_errors():
        (asked,) = asked_releases(context)
        spec = store_reader.features_spec(asked.store, asked.request)
        return {"spec": spec, "store": asked.store, "request": linear_models(context).request}


@task
def linear_release() -> list[list[str]]:
    """Return the arguments that plan the comparison with the release that the linear models became."""
    context = get_current_context()
    with mempipe_errors():
        (asked,) = asked_releases(context)
        linear = store_reader.published_release(asked.store, linear_models(context).request)
        asked = asked._replace(request=asked.request + COMPARISON)
        return [experiment_arguments("last-layer", {"linear": linear}, asked)]


@task
def planned_comparison() -> list[list[str]]:
    """Return the arguments that finish the comparison."""
    with mempipe_errors():
        return [finish_arguments(asked, COMPARISON) for asked in asked_releases(get_current_context())]


with DAG(
    dag_id="experiment_last_layer",
    description="Linear models on what one model's last layer sees, compared with the whole networks (section 3.6)",
    doc_md=__doc__.format(resume=RESUME, failures=FAILURES),
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags={"mempipe", "experiment"},
    params=PARAMS,
    default_args=settings.default_args(),
) as dag:
    features = container_task("features", kind="train", arguments=features_arguments, settings=settings)
    spec, store, request = (of_requested(field, task_id="read_features") for field in ("spec", "store", "request"))
    plan = container_task(
        "plan", kind="cpu", arguments=["plan", spec, "--store", store, "--request", request], settings=settings
    )
    features >> read_features() >> plan
    publish = estimate(plan, linear_models, settings)
    linear = linear_release()
    plan_comparison = mapped_container_task("plan_comparison", kind="cpu", arguments=linear, settings=settings)
    planned = planned_comparison()
    finish = mapped_container_task("finish", kind="cpu", arguments=planned, settings=settings)
    publish >> linear
    plan_comparison >> planned
    finish >> announce_results(COMPARISON)
