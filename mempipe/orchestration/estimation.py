"""The tasks from a planned run to an announced release, shared by all DAGs that estimate scores."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from airflow.sdk import BaseOperator, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from mempipe.orchestration import store_reader
from mempipe.orchestration.assets import LOOK_BACK, RELEASES, is_news
from mempipe.orchestration.campaign import answer, campaign
from mempipe.orchestration.container_task import container_task
from mempipe.orchestration.outcome import mempipe_errors
from mempipe.orchestration.settings import Settings

RUN: Final = answer("run")
TRIALS: Final = answer("trials")
RELEASE_NAME: Final = answer("release_name")
PUBLISHED: Final = answer("published")


class Estimate(NamedTuple):
    """The run that a DAG run plans, and the name of its release.

    Attributes:
        store: URI of the store.
        request: name of the request whose answer is the run.
        release_name: name of the release; None: the spec's.
    """

    store: str
    request: str
    release_name: str | None


def estimate(
    plan: BaseOperator, of: Callable[[Mapping[str, Any]], Estimate], settings: Settings, **train_options: Any
) -> BaseOperator:
    """Add the tasks after `plan`: train, validate, repair once, aggregate, publish, announce.

    Args:
        plan: the task that runs `mempipe plan --request`.
        of: returns the estimate of a task's context.
        settings: settings of this installation.
        train_options: further arguments of the training tasks.

    Returns:
        The task that publishes. The release exists after it, whether it is announced or not.
    """

    @task(inlets=[RELEASES], outlets=[RELEASES])
    def announce(name: str) -> None:
        """Update the asset with the newest release, unless it was announced before."""
        context = get_current_context()
        with mempipe_errors():
            release = store_reader.newest_release(of(context).store, name)
        earlier = context["inlet_events"][RELEASES].ascending(False).limit(LOOK_BACK)
        if not is_news(release, (event.extra or {} for event in earlier)):
            raise AirflowSkipException(f"{release['release']} was announced before")
        context["outlet_events"][RELEASES].extra = {**release}

    def step(task_id: str, *arguments: str, **options: Any) -> Any:
        """Return the task of one CPU step on the planned run."""
        return container_task(task_id, kind="cpu", arguments=list(arguments), settings=settings, **options)

    complete = campaign(
        plan,
        read=lambda context: store_reader.read_run_request(*of(context)),
        missing=lambda context: store_reader.missing_trials(*of(context)[:2]),
        validate=["validate", RUN, "--trials", TRIALS],
        settings=settings,
        **train_options,
    )
    aggregate = step("aggregate", "aggregate", RUN, "--trials", TRIALS, trigger_rule=TriggerRule.NONE_FAILED)
    named = ("--name", RELEASE_NAME, "--request", PUBLISHED)
    publish: BaseOperator = step("publish", "publish", RUN, "--trials", TRIALS, *named)
    complete >> aggregate >> publish >> announce(RELEASE_NAME)
    return publish
