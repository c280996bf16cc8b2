"""The releases of a DAG run, and the arguments of the commands that use them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mempipe.errors import InputError
from mempipe.orchestration import store_reader
from mempipe.orchestration.arguments import request_id
from mempipe.orchestration.assets import announced_releases
from mempipe.orchestration.outcome import mempipe_errors
from mempipe.places import store_of_releases


class Job(NamedTuple):
    """A release that a DAG run works on.

    Attributes:
        release: its URI, or the URI of a name's releases.
        store: store of the outputs.
        request: name of the request in that store.
    """

    release: str
    store: str
    request: str


def jobs_of(context: Mapping[str, Any]) -> list[Job]:
    """Return the releases of a DAG run: the form's, or else those whose announcement started it.

    Raises:
        InputError: there is no release, or the form's `store` is empty and the release is outside any store.
    """
    params = context["params"]
    releases = [params["release"]] if params["release"] else announced_releases(_extras(context))
    if not releases:
        raise InputError(
            "DAG run has nothing to do: release is empty, expected the URI of a release.",
            hint="trigger it again and fill in `release`; `mempipe publish` printed it.",
        )
    request = request_id(context["dag"].dag_id, context["run_id"])
    return [
        Job(release, params.get("store") or store_of_releases(release), f"{request}.{number}" if number else request)
        for number, release in enumerate(releases)
    ]


def job_of(context: Mapping[str, Any]) -> Job:
    """Return the release of a DAG run that was started by its form."""
    (job,) = jobs_of(context)
    return job


def experiment_arguments(name: str, params: Mapping[str, Any], job: Job) -> list[str]:
    """Return `mempipe experiment plan …`; the release comes last, as the label of the task in the user interface.

    Args:
        name: name of the experiment.
        params: its parameters.
        job: the release.
    """
    options = ["--params", json.dumps(dict(params)), "--store", job.store, "--request", job.request]
    return ["experiment", "plan", *options, name, job.release]


def features_arguments(context: Mapping[str, Any], jinja_env: object = None) -> list[str]:  # noqa: ARG001
    """Return `mempipe experiment features …` for a DAG run's form; Airflow calls it when the task runs."""
    params = context["params"]
    with mempipe_errors():
        job = job_of(context)
    arguments = ["experiment", "features", job.release, "--store", job.store, "--request", job.request]
    if params["trials"] is not None:
        arguments += ["--trials", str(params["trials"])]
    return [*arguments, "--epochs", str(params["epochs"])]


def finish_arguments(job: Job, suffix: str = "") -> list[str]:
    """Return `mempipe experiment finish …`; the plan comes last, as the label of the task in the user interface.

    Args:
        job: the release.
        suffix: suffix of the request's name.
    """
    request = job.request + suffix
    return ["experiment", "finish", "--request", request, store_reader.experiment_plan(job.store, request)]


def _extras(context: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    events = context.get("triggering_asset_events") or {}
    return [event.extra or {} for asset in events for event in events[asset]]
