"""Checks an installation on a cluster: `python -m mempipe.orchestration.cluster_check`; `helm test` runs it.

It runs like the launcher of the pods, with the scheduler's service account and the DAGs' settings in its environment,
and checks each requirement of a DAG run. It changes nothing.
"""

import json
import os
import sys
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from mempipe.errors import ExitCode, MempipeError
from mempipe.orchestration.container_task import container_task
from mempipe.orchestration.settings import Kind, Settings, load_settings
from mempipe.places import RELEASES

URL_VARIABLE: Final = "MEMPIPE_AIRFLOW_URL"
"""Environment variable: URL of Airflow's API server; if unset, Airflow itself is not checked."""

NEEDED: Final = (
    ("pods", "create"),
    ("pods", "get"),
    ("pods", "list"),
    ("pods", "watch"),
    ("pods", "patch"),
    ("pods", "delete"),
    ("pods/log", "get"),
    ("events", "list"),
)
"""Permissions in the pods' namespace to launch pods, to follow them and to clean up after them."""

_COMPONENTS: Final = ("metadatabase", "scheduler", "triggerer", "dag_processor")
_TIMEOUT_SECONDS: Final = 10


class _FailedError(Exception):
    """A requirement is missing; the message names it and the next action."""


def main() -> int:
    """Run every check and print a line for each; return 0 if all succeed."""
    settings = load_settings()
    config.load_incluster_config()
    failed = 0
    for name, check in _checks(settings):
        try:
            print(f"ok      {name}: {check()}", flush=True)
        except (_FailedError, MempipeError, ApiException, OSError, KeyError, ValueError) as error:
            failed += 1
            print(f"FAILED  {name}: {error}", flush=True)
    return ExitCode.PERMANENT if failed else ExitCode.OK


def _checks(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    if url := os.environ.get(URL_VARIABLE):
        yield "Airflow", lambda: _airflow(url)
    yield "permissions", lambda: _permissions(settings)
    kinds: tuple[Kind, ...] = ("train", "cpu")
    for kind in kinds:
        yield f"a pod of kind {kind}", partial(_pod, settings, kind)
    for name, image in settings.train.images.items():
        yield f"a pod of kind train with the image {name}", partial(_pod, settings, "train", image=image)
    yield "store", lambda: _store(settings)


def _airflow(url: str) -> str:
    with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - ours
        health = json.load(answer)
    ill = [part for part in _COMPONENTS if health[part]["status"] != "healthy"]
    if ill:
        raise _FailedError(f"{', '.join(ill)} of {url} not healthy; read the logs of these pods.")
    return f"{', '.join(_COMPONENTS)} are healthy"


def _permissions(settings: Settings) -> str:
    api = client.AuthorizationV1Api()
    missing = []
    for resource, verb in NEEDED:
        name, _, part = resource.partition("/")
        attributes = client.V1ResourceAttributes(
            namespace=settings.namespace, verb=verb, resource=name, subresource=part or None
        )
        review = client.V1SelfSubjectAccessReview(
            spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
        )
        if not api.create_self_subject_access_review(review).status.allowed:
            missing.append(f"{verb} {resource}")
    if missing:
        raise _FailedError(
            f"this service account may not {', '.join(missing)} in namespace {settings.namespace}; "
            "the chart's Role and RoleBinding are missing or bind another account."
        )
    return f"{len(NEEDED)} rights in namespace {settings.namespace}"


def _pod(settings: Settings, kind: Kind, **options: str) -> str:
    """Let the API server check a pod of the DAGs by a dry run: quota, admission, priority class, service account."""
    task = container_task("check", kind=kind, arguments=["--help"], settings=settings, **options)
    pod = task.build_pod_request_obj(dry_run=True)  # type: ignore[attr-defined]
    client.CoreV1Api().create_namespaced_pod(namespace=settings.namespace, body=pod, dry_run="All")
    return f"accepted, image {pod.spec.containers[0].image}"


def _store(settings: Settings) -> str:
    from mempipe.storage import open_store

    store = open_store(settings.store)
    release = next(iter(store.list(RELEASES)), None)
    return f"{store.uri} answers, {'with releases' if release else 'without releases yet'}"


if __name__ == "__main__":
    sys.exit(main())
