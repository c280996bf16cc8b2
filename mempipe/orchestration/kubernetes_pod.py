"""Runs one `mempipe` command as a pod. Importing this module imports the Kubernetes client."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from kubernetes.client import models as k8s
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from mempipe.orchestration.outcome import failure
from mempipe.orchestration.pod_end import container_end, disruption, has_begun

_DISRUPTIONS: Final = "mempipe_disruptions"
_NOT_FOUND: Final = 404
_REFUSED: Final = frozenset({400, 403, 404, 422})
# A temporary refusal: it ends when other pods end.
_QUOTA: Final = "exceeded quota"


class MempipePodOperator(KubernetesPodOperator):
    """Runs a command in a pod and handles three kinds of ends.

    A pod that was disrupted (evicted, preempted, deleted, or its node lost) is replaced within the same try, which
    continues after the committed chunks. Exit code 20, out of memory and a refusal by the API are permanent failures.
    Any other failure is retried with backoff.

    The task waits in the triggerer. After a restart, the worker or scheduler finds the pod by its labels and by the
    identity that Airflow keeps for the task, and does not start a second one.

    Args:
        max_disruptions: maximal number of replacements of the pod in one try.
    """

    def __init__(self, *, max_disruptions: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_disruptions = max_disruptions
        self._trigger_message = ""

    def execute_async(self, context: Context) -> None:
        """Create the pod, or find it after a restart, and wait for it in the triggerer."""
        try:
            super().execute_async(context)
        except ApiException as error:
            if error.status not in _REFUSED or _QUOTA in str(error.body):
                raise
            raise AirflowFailException(
                f"Pod was refused: {error.reason}: {error.body}\n"
                "Hint: correct the settings (chart: values) that the message names; this is not tried again."
            ) from error

    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> Any:
        """Continue after the wait: replace a disrupted pod, else handle its end."""
        disruptions = event.get(_DISRUPTIONS, 0)
        self._count(disruptions)
        self._trigger_message = event.get("message", "")
        if event["status"] != "success":
            pod = self._read(event)
            if reason := disruption(pod):
                self._detach(pod)
                self._replace(context, disruptions, reason)
            self.get_logs = pod is not None and has_begun(pod)
        # Writes the pod's whole log again: the triggerer misses lines of the second in which it reads, and without
        # remote logs its own log is served only while the task waits.
        return super().trigger_reentry(context, event | {"last_log_time": None})

    def cleanup(
        self,
        pod: k8s.V1Pod,
        remote_pod: k8s.V1Pod,
        xcom_result: dict[str, Any] | None = None,
        context: Context | None = None,
    ) -> None:
        """Clean up after the pod, then raise the exception for its end."""
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowSkipException:
            raise
        except AirflowException as error:
            end = container_end(remote_pod)
            raise failure(
                end.exit_code,
                what=self._what(),
                detail=end.detail or (self._trigger_message if end.exit_code is None else ""),
                last_lines=end.last_lines,
                permanent=end.permanent,
            ) from error

    def _read(self, event: dict[str, Any]) -> k8s.V1Pod | None:
        try:
            return self.hook.get_pod(event["name"], event["namespace"])
        except ApiException as error:
            if error.status != _NOT_FOUND:
                raise
            return None

    def _detach(self, pod: k8s.V1Pod | None) -> None:
        """Write the pod's log, and ensure that no try attaches to this pod again."""
        if pod is None:
            return
        with suppress(ApiException, HTTPError):
            self._write_logs(pod, follow=False)
        self.patch_already_checked(pod, reraise=False)
        self.process_pod_deletion(pod, reraise=False)

    def _replace(self, context: Context, disruptions: int, reason: str) -> None:
        """Start another pod and wait for it; raises if this try has replaced too many pods."""
        if disruptions >= self.max_disruptions:
            raise failure(
                None,
                what=self._what(),
                detail=f"Its pod was disrupted {disruptions + 1} times in this try, the last time: {reason}.\n"
                "Hint: find the cause of the evictions (kubectl get events); committed chunks are kept.",
            )
        self.log.warning(
            "The pod was disrupted: %s. Replacing it within this try (%d of %d)",
            reason,
            disruptions + 1,
            self.max_disruptions,
        )
        self._count(disruptions + 1)
        self.pod = None
        self.execute(context)

    def _count(self, disruptions: int) -> None:
        """Pass the number of replacements to the next re-entry through the trigger."""
        self.trigger_kwargs = {**(self.trigger_kwargs or {}), _DISRUPTIONS: disruptions}

    def _what(self) -> str:
        arguments: Sequence[str] = self.arguments
        return f"mempipe {next(iter(arguments), '')}"
