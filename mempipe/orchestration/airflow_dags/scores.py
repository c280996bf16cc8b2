"""### Memorization and influence scores of a data set.

Trains many models on random subsets of a training set (Feldman & Zhang 2020, Algorithm 1), estimates the memorization
of each training example and its influence on each test example, and publishes the scores as an immutable release.

**Start.** *Trigger* opens a form: `spec` is the path or URI of a spec that the steps can read (the form suggests the
files in the specs folder), `store` is the store of runs and releases. An empty `trials` uses the spec's number. On a
cluster that offers other images for training pods, `image` chooses one: a spec with a trainer of your own
(`trainer.kind: own`) needs the image that holds its code.

**Steps.**

- `plan` records the run and its missing trials; `read_request` and `missing_trials` read the plan.
- `train` has one task for each missing range of trials.
- `validate` checks every shard and quarantines corrupt ones; `repairs` reads which trials are missing afterwards;
  `train_again` and `validate_again` repair them, once, and are skipped if there is nothing to repair.
- `aggregate` counts; `publish` writes the release.
- `announce` updates the asset `mempipe_releases`, on which other DAGs can be scheduled; it is skipped if the release
  was already announced.

**Extend.** Trigger it with a larger `trials`, or with `add_trials`: committed trials are never trained again. A
scheduled run (`MEMPIPE_SCHEDULE`) uses the form's defaults: it adds `MEMPIPE_ADD_TRIALS` trials, or does nothing when
no trial is missing.

**Resume.** Every step skips work that the store already holds. *Clear* a failed task, or trigger again: both continue
from the store. Nothing is lost when the scheduler, a worker or a node dies. On a cluster, a pod that was evicted,
preempted or deleted is replaced within the same try, as its log shows; this does not use up retries.

**When a task fails**, its log ends with the command's message: what failed, what was expected, and a hint.

- *Exit code 20*, failed at once: permanent; the spec, the data or the store is wrong. Follow the hint, then
  clear the task or trigger again.
- *Exit code 10*, retried with growing delays: the store did not answer, or trials are missing. After the last retry,
  clear the task.
- *OOMKilled*, failed at once, or *killed by SIGKILL*: out of memory. Raise `MEMPIPE_TRAIN__MEMORY` (other steps:
  `MEMPIPE_CPU__MEMORY`) and clear the task.
- *Unschedulable*, *ErrImagePull*, *Evicted*, *refused*: the pod never ran, or exceeded its scratch space. The log has
  the message of Kubernetes and the setting to correct.
- *`train` exceeds its time limit*: a task is too large. Trigger with a smaller `task_size`; committed chunks are
  kept.
- *`aggregate` lacks trials*: one round of repair was not enough. Read the records in the run's `quarantine/` to find
  the cause of the corrupt shards, then trigger again.
- *Tasks stay scheduled*: a pool is missing or full. Admin → Pools: `mempipe_train` bounds the GPUs, `mempipe_cpu` the
  other steps.

**Files.** In the store: `runs/<run>/` with `run.json`, `plan.json`, `shards/`, `quarantine/`,
`validation/`; `releases/<name>/<id>/` with `latest.json` beside them; `requests/` with the answers to each DAG
run. Each step can be repeated by hand: the first line of its log is the command.
"""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG, Param

from mempipe.orchestration.airflow_dags.new_dag import new_dag
from mempipe.orchestration.arguments import plan_arguments, request_id
from mempipe.orchestration.container_task import container_task
from mempipe.orchestration.estimation import Estimate, estimate
from mempipe.orchestration.forms import URI, number_param
from mempipe.orchestration.settings import Settings
from mempipe.orchestration.training_image import image_options, image_params


def estimate_scores(dag_id: str = "estimate_scores", settings: Settings | None = None) -> DAG:
    """Return the DAG that estimates scores and publishes them.

    Args:
        dag_id: id of the DAG; two DAGs of one Airflow need different ones.
        settings: settings of this installation; None: from the environment.
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
        estimate(plan, _estimate, settings, **image_options(settings))
    return dag


def _estimate(context: Mapping[str, Any]) -> Estimate:
    """Return the estimate of a DAG run's form."""
    params, request = context["params"], request_id(context["dag"].dag_id, context["run_id"])
    return Estimate(params["store"], request, params["release_name"])


def _params(settings: Settings) -> dict[str, Param]:
    return {
        "spec": Param(
            settings.default_spec,
            type="string",
            minLength=1,
            title="Spec",
            description="A spec: the path or URI of a YAML file that the steps can read.",
            examples=settings.spec_files(),
        ),
        "store": Param(
            settings.store,
            type="string",
            pattern=URI,
            title="Store",
            description="Store of runs and releases: an absolute folder or a URI such as gs://bucket/folder.",
        ),
        "trials": number_param(
            "Trials", "Total number of models, with those already trained; empty: the spec's number."
        ),
        "add_trials": number_param(
            "Add trials", "Instead of Trials: number of trials to add to those of the run.", default=settings.add_trials
        ),
        "chunk_size": number_param("Chunk size", "Trials in one shard, for a new run; empty: the spec's number."),
        "task_size": number_param("Task size", "Chunks of one training task; empty: the spec's number."),
        "release_name": Param(
            None,
            type=["null", "string"],
            pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
            title="Release name",
            description="Name of the release; empty: the spec's name.",
        ),
        **image_params(settings),
    }
