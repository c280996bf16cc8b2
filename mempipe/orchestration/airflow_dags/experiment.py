"""One DAG for each experiment of the registry: `experiment_<name>`.

A new file in `mempipe/experiments/kinds/` gives a new DAG, whose form has the experiment's parameters. The last-layer
experiment has its own DAG in `linear_models.py`, because it first trains models on features.
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
from mempipe.orchestration.training_image import image_options, image_params

if TYPE_CHECKING:
    from mempipe.experiments.registry import Experiment

PlanArguments = Callable[[Mapping[str, Any], Job], list[str]]
"""Returns the arguments of the task that plans the experiment on a release of the DAG run."""

LAST_LAYER: Final = "last-layer"

RUNBOOK: Final = """### {title} ({paper}).

Runs the experiment `{name}` on a published release and writes its result to the store.

**Start.** {start} `store` is for runs and results; the other fields are the experiment's parameters. By hand:
`mempipe experiment {name} RELEASE`.

**Steps.**

{steps}- `finish` computes the result and commits it.
- `announce_results` updates the asset `mempipe_results`, on which other DAGs can be scheduled; it is skipped if the
  results were already announced.

**Extend.** {extend}

{resume}

{failures}
{incomplete}
**Files.** In the store: `experiments/<name>/<release id>/` with the results and `plans/`; `runs/<run>/` with the runs
that were trained; `requests/` with the answers to each DAG run. Each step can be repeated by hand: the first line of
its log is the command.
"""
READ: Final = """- `releases` returns the releases of the DAG run; for each of them `plan` records the experiment, and
  `plans` reads the URIs of the plans.
"""
TRAIN: Final = """- `plan` records the experiment and its runs; `read_request` and `missing_trials` read the plan.
- `train` has one task for each missing range of trials.
- `validate` checks every shard and quarantines corrupt ones; `repairs` reads which trials are missing afterwards;
  `train_again` and `validate_again` repair them, once, and are skipped if there is nothing to repair.
"""
INCOMPLETE: Final = """- *`finish` lacks trials*: one round of repair was not enough. Read the records in the run's
  `quarantine/` to find the cause of the corrupt shards, then clear `validate` and the tasks after it.
"""


def experiments(prefix: str = "experiment_", settings: Settings | None = None) -> dict[str, DAG]:
    """Return the DAGs of all experiments except the last-layer one, by DAG id; update a file's `globals()` with them.

    An experiment of another package that cannot be loaded is logged and has no DAG.

    Args:
        prefix: prefix of the DAG ids; two sets of DAGs in one Airflow need different ones.
        settings: settings of this installation; None: from the environment.
    """
    from mempipe.experiments.registry import loadable

    settings = settings or Settings()
    names = {f"{prefix}{name.replace('-', '_')}": name for name in loadable() if name != LAST_LAYER}
    return {dag_id: experiment_dag(dag_id, name, settings) for dag_id, name in names.items()}


def experiment_dag(dag_id: str, name: str, settings: Settings) -> DAG:
    """Return the DAG of one experiment.

    Args:
        dag_id: id of the DAG.
        name: name of the experiment, as in commands.
        settings: settings of this installation.
    """
    # Imported here, because experiments import numpy, which the other DAGs do not need.
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
        params={
            "release": release_param(optional=automatic, store=settings.store),
            "store": store_param(),
            **own,
            **({} if automatic else image_params(settings)),
        },
        settings=settings,
    ) as dag:
        (_add_read_only if automatic else _add_training)(plan_arguments, settings)
    return dag


def _add_read_only(plan_arguments: PlanArguments, settings: Settings) -> None:
    """Add the tasks of an experiment without trainings, on each announced release or on the form's release."""

    @task
    def releases() -> list[list[str]]:
        """Return the arguments of one planning task for each release of the DAG run."""
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
        **image_options(settings),
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
    """Return a DAG's runbook."""
    by_hand = "*Trigger* opens a form: `release` is the URI that `mempipe publish` printed."
    return RUNBOOK.format(
        title=kind.TITLE,
        paper=kind.PAPER,
        name=name,
        start=f"It starts by itself when a release is announced (asset `mempipe_releases`). {by_hand}"
        if automatic
        else by_hand,
        steps=READ if automatic else TRAIN,
        extend="Other parameters give another result, beside the first."
        if automatic
        else "Trigger it with more `repeats`, if it has this field: trained models are used again.",
        resume=RESUME,
        failures=FAILURES,
        incomplete="" if automatic else INCOMPLETE,
    )
