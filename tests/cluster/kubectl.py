"""The kubectl command as functions, with time limits and errors that show what kubectl said."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_SECONDS: Final = 60.0

Manifest = Mapping[str, Any]


class KubectlError(Exception):
    """kubectl ended with an error or not in time; the text holds its command and its messages."""


@dataclass(frozen=True)
class Kubectl:
    """Calls kubectl, with the cluster that `KUBECONFIG` names.

    Args:
        namespace: of every call; None: the one that the kubeconfig names.
    """

    namespace: str | None = None

    def within(self, namespace: str) -> "Kubectl":
        """Return the same for another namespace."""
        return Kubectl(namespace)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line."""
        return ["kubectl", *(("--namespace", self.namespace) if self.namespace else ()), *arguments]

    def run(self, *arguments: str, stdin: str | None = None, seconds: float = _SECONDS) -> str:
        """Return what kubectl prints.

        Raises:
            KubectlError: it ended with an error, or not within so many seconds.
        """
        command = self.command(*arguments)
        try:
            done = subprocess.run(command, input=stdin or "", capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise KubectlError(f"{' '.join(command)} did not end within {seconds:.0f} s") from error
        if done.returncode != 0:
            output = "\n".join(part.strip() for part in (done.stdout, done.stderr) if part.strip())
            raise KubectlError(f"{' '.join(command)} ended with code {done.returncode}:\n{output}")
        return done.stdout

    def server_version(self) -> str:
        """Return the cluster's version, such as `v1.34.4`."""
        return str(json.loads(self.run("version", "-o", "json"))["serverVersion"]["gitVersion"])

    def apply(self, *manifests: Manifest, options: tuple[str, ...] = ()) -> str:
        """Create or change objects; `options` such as `--dry-run=server`."""
        body = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        return self.run("apply", "-f", "-", *options, stdin=json.dumps(body))

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return one object."""
        document: dict[str, Any] = json.loads(self.run("get", kind, name, "-o", "json"))
        return document

    def items(self, kind: str, *, selector: str = "") -> list[dict[str, Any]]:
        """Return the objects of a kind that have these labels."""
        document = json.loads(self.run("get", kind, "-o", "json", *_selected(selector)))
        return list(document["items"])

    def exists(self, kind: str, name: str) -> bool:
        """Tell whether an object is there."""
        return bool(self.run("get", kind, name, "--ignore-not-found", "-o", "name").strip())

    def delete(self, kind: str, name: str = "", *, selector: str = "", now: bool = False, seconds: float = 180) -> None:
        """Delete objects, by name or by labels, and wait until they are gone; what is not there is passed over.

        Args:
            kind: such as `pod`.
            name: of one object; empty: those that `selector` chooses.
            selector: labels.
            now: end pods at once, as a node that vanishes does.
            seconds: limit of the wait.
        """
        if not name and not selector:
            raise ValueError("delete needs a name or a selector")
        which = (name,) if name else _selected(selector)
        force = ("--grace-period=0", "--force") if now else ()
        self.run("delete", kind, *which, "--ignore-not-found", *force, seconds=seconds)

    def patch(self, kind: str, name: str, change: Manifest) -> None:
        """Merge a change into an object."""
        self.run("patch", kind, name, "--type=merge", "--patch", json.dumps(change))

    def wait(self, kind: str, name: str = "", *, selector: str = "", until: str, seconds: float = 120) -> None:
        """Wait until objects, which must be there, fulfil `until`: `condition=Ready`, `delete`, `jsonpath=…`."""
        which = (name,) if name else _selected(selector)
        self.run("wait", kind, *which, f"--for={until}", f"--timeout={seconds:.0f}s", seconds=seconds + 10)

    def rollout(self, name: str, *, seconds: float = 180) -> None:
        """Wait until a Deployment or StatefulSet, as `kind/name`, runs what it describes."""
        self.run("rollout", "status", name, f"--timeout={seconds:.0f}s", seconds=seconds + 10)

    def logs(self, name: str, *, container: str = "", previous: bool = False) -> str:
        """Return the log of a pod, or of `kind/name`; of all its containers where none is named."""
        which = ("--container", container) if container else ("--all-containers", "--prefix")
        return self.run("logs", name, *which, f"--previous={str(previous).lower()}")

    def evict(self, pod: str) -> None:
        """Ask for the eviction of a pod, as the drain of a node does; disruption budgets are obeyed."""
        metadata = {"name": pod, "namespace": self.namespace}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction"
        self.run("create", "--raw", path, "-f", "-", stdin=json.dumps(body))

    def can_i(self, verb: str, resource: str, *, service_account: str, namespace: str | None = None) -> bool:
        """Tell whether a service account may do something.

        Args:
            verb: such as `list`.
            resource: such as `secrets`, `pods/log`, `nodes`, `deployments.apps`.
            service_account: `namespace:name`.
            namespace: where it would do it; None: in the whole cluster.
        """
        kind, _, part = resource.partition("/")
        review = [
            verb,
            kind,
            *(["--subresource", part] if part else []),
            "--as",
            f"system:serviceaccount:{service_account}",
        ]
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        try:
            answer = Kubectl().run("auth", "can-i", *review, *where)
        except KubectlError as error:  # code 1 is also how it says no
            if not any(line.split()[:1] == ["no"] for line in str(error).splitlines()[1:]):
                raise
            return False
        return answer.startswith("yes")


def _selected(selector: str) -> tuple[str, ...]:
    return ("--selector", selector) if selector else ()
