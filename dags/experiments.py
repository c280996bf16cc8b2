"""One DAG for each of the paper's experiments, made from the registry: `experiment_<name>`.

A new file in `mempipe/experiments/kinds/` is a new DAG: its form has the experiment's own parameters. The experiment of
the last layer has a DAG of its own in `last_layer.py`, because models must be trained on features first.
"""

from datetime import UTC, datetime
from typing import Final

from airflow.sdk import DAG, TriggerRule, XComArg, get_current_context, task
from airflow.sdk.definitions.mappedoperator import MappedOperator

from mempipe.experiments.registry import Experiment, available, experiment, is_automatic
from mempipe.orchestration import store_reader
from mempipe.orchestration.asked import (
    asked_releases,
    experiment_arguments,
    finish_arguments,
    validate_arguments,
)
from mempipe.orchestration.assets import RELEASES
from mempipe.orchestration.container_task import mapped_container_task
from mempipe.orchestration.forms import params_of, release_param, store_param
from mempipe.orchestration.outcome import mempipe_errors
from mempipe.orchestration.results import announce_results
from mempipe.orchestration.runbook import FAILURES, RESUME
from mempipe.orchestration.settings import load_settings

LAST_LAYER: Final = "last-layer"

RUNBOOK: Final = """### {title} ({paper}).

The experiment `{name}` on a published release; what it finds is kept in the store.

**Start.** {start} `store` keeps runs and results; the other fields are the experiment's parameters. By hand:
`mempipe experiment {name} RELEASE`.

**Steps.**

- `asked` tells which releases; {plural}`plan` records the experiment and what it needs, `planned` reads that.
{train}- `finish` finds the result and commits it.
- `announce_results` updates the asset `mempipe_results`, for the DAGs that wait for it; it is skipped where the same
  was found and announced before.

**Extend.** {extend}

{resume}

{failures}
{incomplete}
**Where things are.** In the store: `experiments/<name>/<release id>/` with the results and `plans/`; `runs/<run>/` with
what was trained; `requests/`, what a DAG run asked for. Each step can be repeated by hand: the first line of its log is
the command.
"""
RUN_AND_TRIALS: Final = "{{ task.arguments[1].rpartition('/')[2] }} {{ task.arguments[-1] }}"
"""Names a task of an experiment that has several runs."""

TRAIN: Final = """- `missing_trials` reads which trials are missing, `train` is one task for each range of them.
- `validate` checks every shard and moves corrupt ones aside; `repairs` reads what has to be trained again;
  `train_again` does that, once, and is skipped where there is nothing to repair.
"""
INCOMPLETE: Final = """- *`finish` misses trials*: one round of repair was not enough. Read the records of the run's
  `quarantine/`, find who damages shards, then clear `validate` and what follows it.
"""


def runbook(name: str, kind: Experiment) -> str:
    """Return the page that a DAG shows about itself."""
    automatic = is_automatic(name)
    by_hand = "*Trigger* opens a form: `release` is the URI that `mempipe publish` printed."
    return RUNBOOK.format(
        title=kind.TITLE,
        paper=kind.PAPER,
        name=name,
        start=f"It starts by itself when a release is announced (asset `mempipe_releases`). {by_hand}"
        if automatic
        else by_hand,
        plural="for each of them " if automatic else "",
        train="" if automatic else TRAIN,
        extend="Other parameters are another result, beside the first."
        if automatic
        else "Trigger it with more `repeats`, where there is such a field: what is trained is used again.",
        resume=RESUME,
        failures=FAILURES,
        incomplete="" if automatic else INCOMPLETE,
    )


def experiment_dag(name: str) -> DAG:
    """Return the DAG of one experiment.

    Args:
        name: as commands write it.
    """
    kind, automatic = experiment(name), is_automatic(name)
    own = params_of(kind.Params)

    @task
    def asked() -> list[list[str]]:
        """Return the arguments of one planning task for each release that the DAG run is about."""
        context = get_current_context()
        values = {key: context["params"][key] for key in own}
        with mempipe_errors():
            return [experiment_arguments(name, values, release) for release in asked_releases(context)]

    @task
    def planned() -> list[list[str]]:
        """Return the arguments of one finishing task for each plan."""
        with mempipe_errors():
            return [finish_arguments(asked) for asked in asked_releases(get_current_context())]

    @task
    def missing_trials() -> list[list[str]]:
        """Return the arguments of one training task for each range of trials that is still missing."""
        with mempipe_errors():
            return [
                arguments
                for asked in asked_releases(get_current_context())
                for arguments in store_reader.missing_of_experiment(asked.store, asked.request)
            ]

    def step(task_id: str, arguments: XComArg) -> MappedOperator:
        """Return the tasks of one CPU step that follows an empty or a full map."""
        rule = TriggerRule.NONE_FAILED
        return mapped_container_task(task_id, kind="cpu", arguments=arguments, settings=settings, trigger_rule=rule)

    def train_task(task_id: str, arguments: XComArg) -> MappedOperator:
        """Return the tasks that train, each named by its run and its trials."""
        return mapped_container_task(
            task_id, kind="train", arguments=arguments, settings=settings, map_index_template=RUN_AND_TRIALS
        )

    with DAG(
        dag_id=f"experiment_{name.replace('-', '_')}",
        description=f"{kind.TITLE} ({kind.PAPER})",
        doc_md=runbook(name, kind),
        schedule=[RELEASES] if automatic and settings.automatic else None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags={"mempipe", "experiment"},
        params={"release": release_param(optional=automatic, store=settings.store), "store": store_param(), **own},
        default_args=settings.default_args(),
    ) as dag:
        plan = mapped_container_task("plan", kind="cpu", arguments=asked(), settings=settings)
        plans = planned()
        # An empty map is skipped, so what follows one must not ask for success.
        finish = step("finish", plans)
        plan >> plans
        if not automatic:
            missing = missing_trials()
            train = train_task("train", missing)
            validate = step("validate", plans.map(validate_arguments))
            repairs = missing_trials.override(task_id="repairs")()
            train_again = train_task("train_again", repairs)
            plan >> missing
            train >> validate >> repairs
            train_again >> finish
        finish >> announce_results()
    return dag


settings = load_settings()

for _name in available():
    if _name != LAST_LAYER:
        globals()[f"experiment_{_name.replace('-', '_')}"] = experiment_dag(_name)
