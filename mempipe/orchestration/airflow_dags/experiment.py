"""One DAG for each of the paper's experiments, made from the registry: `experiment_<name>`.

A new file in `mempipe/experiments/kinds/` is a new DAG: its form has the experiment's own parameters. The experiment of
the last layer has a DAG of its own in `linear_models.py`, because models must be trained on features first.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import DAG, TriggerRule, get_current_context, task

from mempipe.orchestration import store_reader
from mempipe.orchestration.airflow_dags.new_dag import new_dag
from mempipe.orchestration.assets import RELEASES
from mempipe.orchestration.campaign import RUN_AND_TRIALS, answer, campaign
from mempipe.orchestration.container_task import container_task, mapped_container_task
from mempipe.orchestration.forms import params_of, release_param, store_param
from mempipe.orchestration.jobs import Job, experiment_arguments, finish_arguments, job_of, jobs_of
from mempipe.orchestration.outcome import mempipe_errors
from mempipe.orchestration.results import announce_results
from mempipe.orchestration.runbook import FAILURES, RESUME
from mempipe.orchestration.settings import Settings

if TYPE_CHECKING:
    from mempipe.experiments.registry import Experiment

PlanArguments = Callable[[Mapping[str, Any], Job], list[str]]
"""Returns the arguments of the task that plans the experiment on a release of the DAG run."""

LAST_LAYER: Final = "last-layer"

RUNBOOK: Final = """### {title} ({paper}).

The experiment `{name}` on a published release; what it finds is kept in the store.

**Start.** {start} `store` keeps runs and results; the other fields are the experiment's parameters. By hand:
`mempipe experiment {name} RELEASE`.

**Steps.**

{steps}- `finish` finds the result and commits it.
- `announce_results` updates the asset `mempipe_results`, for the DAGs that wait for it; it is skipped where the same
  was found and announced before.

**Extend.** {extend}

{resume}

{failures}
{incomplete}
**Where things are.** In the store: `experiments/<name>/<release id>/` with the results and `plans/`; `runs/<run>/` with
what was trained; `requests/`, what belongs to which DAG run. Each step can be repeated by hand: the first line of its
log is the command.
"""
READ: Final = """- `releases` tells which releases the DAG run is about; for each of them `plan` records the experiment,
  and `plans` reads where.
"""
TRAIN: Final = """- `plan` records the experiment and what it needs; `read_request` and `missing_trials` read that.
- `train` is one task for each range of trials that is missing.
- `validate` checks every shard and moves corrupt ones aside; `repairs` reads what has to be trained again;
  `train_again` and `validate_again` do that, once, and are skipped where there is nothing to repair.
"""
INCOMPLETE: Final = """- *`finish` misses trials*: one round of repair was not enough. Read the records of the run's
  `quarantine/`, find who damages shards, then clear `validate` and what follows it.
"""


def experiments(prefix: str = "experiment_", settings: Settings | None = None) -> dict[str, DAG]:
    """Return the DAGs of all experiments but the last layer's, by DAG id: a file updates its `globals()` with them.

    Args:
        prefix: of the DAG ids, before the experiment's name; two sets of DAGs in one Airflow need two.
        settings: of this installation; None: from the environment.
    """
    from mempipe.experiments.registry import available

    settings = settings or Settings()
    names = {f"{prefix}{name.replace('-', '_')}": name for name in available() if name != LAST_LAYER}
    return {dag_id: experiment_dag(dag_id, name, settings) for dag_id, name in names.items()}


def experiment_dag(dag_id: str, name: str, settings: Settings) -> DAG:
    """Return the DAG of one experiment.

    Args:
        dag_id: its name in Airflow.
        name: of the experiment, as commands write it.
        settings: of this installation.
    """
    # Here, because numpy is loaded with the experiments, and the other DAGs do without.
    from mempipe.experiments.registry import experiment, is_automatic

    kind, automatic = experiment(name), is_automatic(name)
    own = params_of(kind.Params)

    def plan_arguments(context: Mapping[str, Any], job: Job) -> list[str]:
        return experiment_arguments(name, {key: context["params"][key] for key in own}, job)

    with new_dag(
        dag_id,
        description=f"{kind.TITLE} ({kind.PAPER})",
        doc_md=_runbook(name, kind, automatic=automatic),
        schedule=[RELEASES] if automatic and settings.automatic else None,
        tags=("experiment",),
        params={"release": release_param(optional=automatic, store=settings.store), "store": store_param(), **own},
        settings=settings,
    ) as dag:
        (_add_read_only if automatic else _add_training)(plan_arguments, settings)
    return dag


def _add_read_only(plan_arguments: PlanArguments, settings: Settings) -> None:
    """Add the tasks of an experiment that trains nothing: on each release that was announced, or on the form's."""

    @task
    def releases() -> list[list[str]]:
        """Return the arguments of one planning task for each release that the DAG run is about."""
        context = get_current_context()
        with mempipe_errors():
            return [plan_arguments(context, job) for job in jobs_of(context)]

    @task
    def plans() -> list[list[str]]:
        """Return the arguments of one finishing task for each plan."""
        with mempipe_errors():
            return [finish_arguments(job) for job in jobs_of(get_current_context())]

    plan = mapped_container_task("plan", kind="cpu", arguments=releases(), settings=settings)
    read_plans = plans()
    finish = mapped_container_task("finish", kind="cpu", arguments=read_plans, settings=settings)
    plan >> read_plans
    finish >> announce_results()


def _add_training(plan_arguments: PlanArguments, settings: Settings) -> None:
    """Add the tasks of an experiment that trains models, on the form's release."""

    def arguments(context: Mapping[str, Any], jinja_env: object = None) -> list[str]:  # noqa: ARG001 - Airflow's call
        with mempipe_errors():
            return plan_arguments(context, job_of(context))

    def request_of(context: Mapping[str, Any]) -> tuple[str, str]:
        job = job_of(context)
        return job.store, job.request

    complete = campaign(
        container_task("plan", kind="cpu", arguments=arguments, settings=settings),
        read=lambda context: store_reader.read_experiment_request(*request_of(context)),
        missing=lambda context: store_reader.missing_of_experiment(*request_of(context)),
        validate=["experiment", "validate", answer("plan")],
        settings=settings,
        map_index_template=RUN_AND_TRIALS,
    )
    finish = container_task(
        "finish",
        kind="cpu",
        arguments=["experiment", "finish", "--request", answer("request"), answer("plan")],
        settings=settings,
        trigger_rule=TriggerRule.NONE_FAILED,
    )
    complete >> finish >> announce_results()


def _runbook(name: str, kind: "Experiment", *, automatic: bool) -> str:
    """Return the page that a DAG shows about itself."""
    by_hand = "*Trigger* opens a form: `release` is the URI that `mempipe publish` printed."
    return RUNBOOK.format(
        title=kind.TITLE,
        paper=kind.PAPER,
        name=name,
        start=f"It starts by itself when a release is announced (asset `mempipe_releases`). {by_hand}"
        if automatic
        else by_hand,
        steps=READ if automatic else TRAIN,
        extend="Other parameters are another result, beside the first."
        if automatic
        else "Trigger it with more `repeats`, where there is such a field: what is trained is used again.",
        resume=RESUME,
        failures=FAILURES,
        incomplete="" if automatic else INCOMPLETE,
    )
