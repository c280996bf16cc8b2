"""### Memorization and influence scores of a data set.

Trains many models on random subsets of a training set (Feldman & Zhang 2020, Algorithm 1), estimates for each example
how much its label depends on its being seen, for each (train, test) pair how much the one helps the other, and
publishes the result as an immutable release.

**Start.** *Trigger* opens a form: `spec` says what is trained (the files in the specs folder are suggested; any path
or URI that the steps can read will do), `store` where everything is kept. An empty `trials` takes the spec's number.

**Steps.**

- `plan` records the run and what is missing; `read_request` and `missing_trials` read that.
- `train` is one task for each range of trials.
- `validate` checks every shard and moves corrupt ones aside; `repairs` reads what has to be trained again;
  `train_again` and `validate_again` do that, once, and are skipped where there is nothing to repair.
- `aggregate` counts; `publish` writes the release.
- `announce` updates the asset `mempipe_releases`, for the DAGs that wait for it; it is skipped where the release was
  announced before.

**Extend.** Trigger it with a larger `trials`, or with `add_trials`: what is committed is never trained again. A
scheduled run (`MEMPIPE_SCHEDULE`) does what the form's defaults say: it adds `MEMPIPE_ADD_TRIALS`, or does nothing
when all is done.

**Resume.** Every step looks in the store for what is done. *Clear* a failed task, or trigger again: both go on where
the store ends. Nothing is lost when the scheduler, a worker or a node dies. On a cluster a pod that was evicted,
preempted or deleted is replaced within the same try, which its log tells; retries are kept for failures.

**When a task fails**, its log ends with the command's own message: what failed, what was expected, and a hint.

- *Exit code 20*, failed at once: permanent; the spec, the data or the store is wrong. Follow the hint, correct it,
  clear the task or trigger again.
- *Exit code 10*, tried again with growing delays: the store did not answer, or trials are missing. After the last
  retry clear the task.
- *OOMKilled*, failed at once, or *killed by SIGKILL*: out of memory. Raise `MEMPIPE_TRAIN__MEMORY` (other steps:
  `MEMPIPE_CPU__MEMORY`) and clear the task.
- *Unschedulable*, *ErrImagePull*, *Evicted*, *refused*: the pod never ran, or exceeded its scratch space. The log says
  what Kubernetes said and which setting to correct.
- *`train` runs into its time limit*: a task holds too much. Trigger with a smaller `task_size`; committed chunks are
  kept.
- *`aggregate` misses trials*: one round of repair was not enough. Read the records of the run's `quarantine/`, find who
  damages shards, trigger again.
- *Tasks stay scheduled*: a pool is missing or full. Admin → Pools: `mempipe_train` bounds the GPUs, `mempipe_cpu` the
  other steps.

**Where things are.** In the store: `runs/<run>/` with `run.json`, `plan.json`, `shards/`, `quarantine/`,
`validation/`; `releases/<name>/<id>/` with `latest.json` beside them; `requests/`, which run belongs to which DAG
run. Each step can be repeated by hand: the first line of its log is the command.
"""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG, Param

from mempipe.orchestration.airflow_dags.new_dag import new_dag
from mempipe.orchestration.arguments import plan_arguments, request_id
from mempipe.orchestration.container_task import container_task
from mempipe.orchestration.estimation import Estimate, estimate
from mempipe.orchestration.forms import URI
from mempipe.orchestration.settings import Settings


def estimate_scores(dag_id: str = "estimate_scores", settings: Settings | None = None) -> DAG:
    """Return the DAG that estimates scores and publishes them.

    Args:
        dag_id: its name; two DAGs of one Airflow need two.
        settings: of this installation; None: from the environment.
    """
    settings = settings or Settings()
    with new_dag(
        dag_id,
        description="Memorization and influence scores: plan, train, validate, aggregate, publish",
        doc_md=__doc__,
        schedule=settings.schedule,
        params=_params(settings),
        settings=settings,
    ) as dag:
        plan = container_task("plan", kind="cpu", arguments=plan_arguments, settings=settings)
        estimate(plan, _estimate, settings)
    return dag


def _estimate(context: Mapping[str, Any]) -> Estimate:
    """Return what a DAG run's form says."""
    params, request = context["params"], request_id(context["dag"].dag_id, context["run_id"])
    return Estimate(params["store"], request, params["release_name"])


def _params(settings: Settings) -> dict[str, Param]:
    return {
        "spec": Param(
            settings.default_spec,
            type="string",
            minLength=1,
            title="Spec",
            description="What is trained: a YAML file, as a path or URI that the steps can read.",
            examples=settings.spec_files(),
        ),
        "store": Param(
            settings.store,
            type="string",
            pattern=URI,
            title="Store",
            description="Where everything is kept: an absolute folder or a URI such as gs://bucket/folder.",
        ),
        "trials": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Trials",
            description="Models in all, those already trained included; empty: as many as the spec says.",
        ),
        "add_trials": Param(
            settings.add_trials,
            type=["null", "integer"],
            minimum=1,
            title="Add trials",
            description="Instead of Trials: as many more than the run has now.",
        ),
        "chunk_size": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Chunk size",
            description="Trials in one shard, for a new run; empty: the spec's.",
        ),
        "task_size": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Task size",
            description="Chunks that one training task covers; empty: the spec's.",
        ),
        "release_name": Param(
            None,
            type=["null", "string"],
            pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
            title="Release name",
            description="Under which name the result is published; empty: the spec's name.",
        ),
    }
