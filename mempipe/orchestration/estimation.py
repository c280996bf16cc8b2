"""The tasks that lead from a planned run to an announced release; DAGs that estimate scores have them in common."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from airflow.sdk import BaseOperator, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from mempipe.orchestration import store_reader
from mempipe.orchestration.arguments import of_requested
from mempipe.orchestration.assets import LOOK_BACK, RELEASES, is_news
from mempipe.orchestration.container_task import container_task, mapped_container_task
from mempipe.orchestration.outcome import mempipe_errors
from mempipe.orchestration.settings import Settings

RUN: Final = of_requested("run", task_id="read_request")
TRIALS: Final = of_requested("trials", task_id="read_request")
RELEASE_NAME: Final = of_requested("release_name", task_id="read_request")
PUBLISHED: Final = of_requested("published", task_id="read_request")


class Estimate(NamedTuple):
    """What a DAG run asked `mempipe plan` for.

    Attributes:
        store: where everything is kept.
        request: the name under which the store remembers the run.
        release_name: under which name it is published; None: the spec's.
    """

    store: str
    request: str
    release_name: str | None


def estimate(plan: BaseOperator, asked: Callable[[Mapping[str, Any]], Estimate], settings: Settings) -> BaseOperator:
    """Add the tasks after `plan`: train, validate, repair once, aggregate, publish, announce.

    Args:
        plan: the task that runs `mempipe plan --request`.
        asked: tells of a task's context what it asked for.
        settings: of this installation.

    Returns:
        The task that publishes: after it the release is there, whether it is announced or not.
    """

    @task
    def read_request() -> store_reader.RunArguments:
        """Return the run that `plan` recorded for this DAG run."""
        with mempipe_errors():
            return store_reader.read_run_request(*asked(get_current_context()))

    @task
    def missing_trials() -> list[list[str]]:
        """Return the arguments of one training task for each range of trials that is still missing."""
        with mempipe_errors():
            store, request, _ = asked(get_current_context())
            return store_reader.missing_trials(store, request)

    @task(inlets=[RELEASES], outlets=[RELEASES])
    def announce(name: str) -> None:
        """Update the asset with the newest release, unless it was announced before."""
        context = get_current_context()
        with mempipe_errors():
            release = store_reader.newest_release(asked(context).store, name)
        earlier = context["inlet_events"][RELEASES].ascending(False).limit(LOOK_BACK)
        if not is_news(release, (event.extra or {} for event in earlier)):
            raise AirflowSkipException(f"{release['release']} was announced before")
        context["outlet_events"][RELEASES].extra = {**release}

    def step(task_id: str, *arguments: str, **options: Any) -> Any:
        """Return the task of one CPU step on the requested run."""
        return container_task(task_id, kind="cpu", arguments=list(arguments), settings=settings, **options)

    requested = read_request()
    missing = missing_trials()
    train = mapped_container_task("train", kind="train", arguments=missing, settings=settings)
    # An empty map is skipped, so what follows one must not ask for success.
    validate = step("validate", "validate", RUN, "--trials", TRIALS, trigger_rule=TriggerRule.NONE_FAILED)
    repairs = missing_trials.override(task_id="repairs")()
    train_again = mapped_container_task("train_again", kind="train", arguments=repairs, settings=settings)
    validate_again = step(
        "validate_again",
        *("validate", RUN, "--trials", TRIALS),
        trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
    )
    aggregate = step("aggregate", "aggregate", RUN, "--trials", TRIALS, trigger_rule=TriggerRule.NONE_FAILED)
    named = ("--name", RELEASE_NAME, "--request", PUBLISHED)
    publish: BaseOperator = step("publish", "publish", RUN, "--trials", TRIALS, *named)

    plan >> [requested, missing]
    [requested, train] >> validate >> repairs
    train_again >> validate_again >> aggregate >> publish >> announce(RELEASE_NAME)
    return publish
