"""The operator against a fake cluster: which ends of a pod fail, are retried, or are replaced."""

from types import SimpleNamespace

import pytest

pytest.importorskip("kubernetes")

from airflow.sdk.exceptions import AirflowException, AirflowFailException
from kubernetes.client import models as k8s
from kubernetes.client.exceptions import ApiException

from mempipe.orchestration.container_task import container_task
from mempipe.orchestration.kubernetes_pod import MempipePodOperator
from mempipe.orchestration.settings import Settings
from tests.orchestration.pods import NAME, exited, pod, running

LIMIT = 3


class StartedError(Exception):
    """The operator has started another pod."""


class Cluster:
    """Knows one pod, or none, and remembers what is done to it."""

    def __init__(self, existing: k8s.V1Pod | None) -> None:
        self.known = existing
        self.deleted: list[str] = []
        self.checked: list[str] = []

    def get_pod(self, name: str, namespace: str) -> k8s.V1Pod:
        if self.known is None:
            raise ApiException(status=404)
        return self.known


def operator_on(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> MempipePodOperator:
    settings = Settings(
        execution="kubernetes", image="registry/mempipe-trainer:1.0", namespace="mempipe", max_disruptions=LIMIT
    )
    operator = container_task("step", kind="train", arguments=["train", "RUN"], settings=settings)
    assert isinstance(operator, MempipePodOperator)
    operator.__dict__["hook"] = cluster
    operator.__dict__["client"] = SimpleNamespace(
        patch_namespaced_pod=lambda name, **_: cluster.checked.append(name),
    )
    operator.__dict__["pod_manager"] = SimpleNamespace(
        read_pod=lambda _: cluster.known,
        delete_pod=lambda gone: cluster.deleted.append(gone.metadata.name),
        read_pod_events=lambda _: SimpleNamespace(items=[]),
        await_pod_completion=lambda *_: cluster.known,
    )
    monkeypatch.setattr(operator, "_write_logs", lambda *_args, **_options: None)

    def execute(_context: object) -> None:
        raise StartedError

    monkeypatch.setattr(operator, "execute", execute)
    return operator


def come_back(
    operator: MempipePodOperator, status: str = "failed", disruptions: int | None = None, message: str = "it failed"
) -> None:
    """Resume the operator as the triggerer does, with an event of few details."""
    event = {"status": status, "name": NAME, "namespace": "mempipe", "message": message}
    operator.trigger_reentry({}, event if disruptions is None else event | {"mempipe_disruptions": disruptions})


def test_success_is_cleaned_up(monkeypatch: pytest.MonkeyPatch):
    cluster = Cluster(pod(phase="Succeeded", state=exited(0, "Completed")))
    come_back(operator_on(cluster, monkeypatch), status="success")
    assert cluster.deleted == [NAME]


def test_exit_code_20_is_not_tried_again(monkeypatch: pytest.MonkeyPatch):
    cluster = Cluster(pod(state=exited(20, message="Error: Spec cannot be used.\nHint: correct it.")))
    with pytest.raises(AirflowFailException) as caught:
        come_back(operator_on(cluster, monkeypatch))
    assert str(caught.value).splitlines() == [
        "mempipe train ended with code 20: permanent, not tried again.",
        "  Error: Spec cannot be used.",
        "  Hint: correct it.",
    ]
    assert cluster.deleted == [NAME]


def test_out_of_memory_is_not_tried_again(monkeypatch: pytest.MonkeyPatch):
    """The same limit would be exceeded again, after hours on a GPU."""
    with pytest.raises(AirflowFailException, match="raise MEMPIPE_TRAIN__MEMORY"):
        come_back(operator_on(Cluster(pod(state=exited(137, "OOMKilled"))), monkeypatch))


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (pod(state=exited(10, message="Error: Store did not answer.")), "ended with code 10"),
        (pod(state=exited(1)), "ended with code 1"),
        (pod(reason="DeadlineExceeded"), "DeadlineExceeded"),
    ],
)
def test_any_other_end_is_tried_again(monkeypatch: pytest.MonkeyPatch, seen: k8s.V1Pod, text: str):
    cluster = Cluster(seen)
    with pytest.raises(AirflowException, match=text) as caught:
        come_back(operator_on(cluster, monkeypatch))
    assert not isinstance(caught.value, AirflowFailException)
    assert cluster.deleted == [NAME]


def test_a_pod_that_never_starts_tells_the_triggers_reason(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(AirflowException, match="took too long"):
        come_back(
            operator_on(Cluster(pod(phase="Pending")), monkeypatch),
            status="timeout",
            message="Pod took too long to start",
        )


@pytest.mark.parametrize(
    "seen",
    [
        None,
        pod(phase="Running", state=running(), deleted=True),
        pod(state=exited(143), condition=("DisruptionTarget", "True", "EvictionByEvictionAPI", "evicted")),
    ],
)
def test_a_pod_that_was_taken_away_is_replaced_within_the_try(monkeypatch: pytest.MonkeyPatch, seen: k8s.V1Pod | None):
    cluster = Cluster(seen)
    operator = operator_on(cluster, monkeypatch)
    with pytest.raises(StartedError):
        come_back(operator, status="error")
    assert operator.trigger_kwargs == {"mempipe_disruptions": 1}  # the trigger brings the count back
    left = [] if seen is None else [NAME]
    assert cluster.checked == left  # no try attaches to the old pod again
    assert cluster.deleted == left


def test_replacing_has_an_end(monkeypatch: pytest.MonkeyPatch):
    operator = operator_on(Cluster(None), monkeypatch)
    with pytest.raises(StartedError):
        come_back(operator, status="error", disruptions=LIMIT - 1)
    with pytest.raises(AirflowException, match=f"Its pod was disrupted {LIMIT + 1} times") as caught:
        come_back(operator, status="error", disruptions=LIMIT)
    assert not isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        (ApiException(status=403, reason="Forbidden"), True),
        (ApiException(status=422, reason="Unprocessable Entity"), True),
        (ApiException(status=500, reason="Internal Server Error"), False),
    ],
)
def test_what_the_api_refuses_is_not_tried_again(monkeypatch: pytest.MonkeyPatch, error: ApiException, permanent: bool):
    operator = operator_on(Cluster(None), monkeypatch)

    def refuse(*_args: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(operator, "build_pod_request_obj", refuse)
    with pytest.raises(AirflowFailException if permanent else ApiException):
        operator.execute_async({})


def test_a_full_quota_is_tried_again(monkeypatch: pytest.MonkeyPatch):
    operator = operator_on(Cluster(None), monkeypatch)
    error = ApiException(status=403, reason="Forbidden")
    error.body = 'pods "x" is forbidden: exceeded quota: gpus'

    def refuse(*_args: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(operator, "build_pod_request_obj", refuse)
    with pytest.raises(ApiException):
        operator.execute_async({})
