"""The tasks that train a planned campaign: train, validate, repair once. All DAGs that train share them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from airflow.sdk import BaseOperator, TriggerRule, XComArg, get_current_context, task
from airflow.sdk.definitions.mappedoperator import MappedOperator

from mempipe.orchestration.arguments import xcom_field
from mempipe.orchestration.container_task import container_task, mapped_container_task
from mempipe.orchestration.outcome import mempipe_errors
from mempipe.orchestration.settings import Settings

Context = Mapping[str, Any]

RUN_AND_TRIALS: Final = "{{ task.arguments[1].rpartition('/')[2] }} {{ task.arguments[-1] }}"
"""Template of the label of a training task in a campaign of several runs."""


def answer(field: str) -> str:
    """Return the template of a field of the dictionary that `read_request` returns."""
    return xcom_field(field, task_id="read_request")


def campaign(
    plan: BaseOperator,
    *,
    read: Callable[[Context], Mapping[str, object]],
    missing: Callable[[Context], list[list[str]]],
    validate: list[str],
    settings: Settings,
    **train_options: Any,
) -> BaseOperator:
    """Add the tasks after `plan` that train, validate and repair a campaign.

    Args:
        plan: the task that runs a `plan … --request` command.
        read: returns the answer to the request of a task's context, as values for templates (`answer`).
        missing: returns the arguments of one `mempipe train` for each missing range of trials.
        validate: arguments of the command that validates the campaign and plans its repairs; templated.
        settings: settings of this installation.
        train_options: further arguments of the training tasks, such as `map_index_template`.

    Returns:
        The second validation. It is skipped if nothing was repaired, so the tasks after it must not require success.
    """

    @task
    def read_request() -> dict[str, object]:
        """Return the answer to this DAG run's request."""
        with mempipe_errors():
            return dict(read(get_current_context()))

    @task
    def missing_trials() -> list[list[str]]:
        """Return the arguments of one training task for each missing range of trials."""
        with mempipe_errors():
            return missing(get_current_context())

    def train(task_id: str, reader_id: str) -> tuple[XComArg, MappedOperator]:
        """Return the task that reads the missing trials, and the tasks that train them."""
        spans = missing_trials.override(task_id=reader_id)()
        return spans, mapped_container_task(task_id, kind="train", arguments=spans, settings=settings, **train_options)

    def check(task_id: str, rule: TriggerRule) -> BaseOperator:
        return container_task(task_id, kind="cpu", arguments=list(validate), settings=settings, trigger_rule=rule)

    request = read_request()
    missing_now, train_first = train("train", "missing_trials")
    # A mapped task without items is skipped, so the tasks after it must not require success.
    first = check("validate", TriggerRule.NONE_FAILED)
    repairs, train_again = train("train_again", "repairs")
    again = check("validate_again", TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    plan >> [request, missing_now]
    [request, train_first] >> first >> repairs
    train_again >> again
    return again
