"""Collects diagnostics of a cluster in which a test failed, before its namespaces are deleted."""

from collections.abc import Callable
from pathlib import Path

from tests.cluster.kubectl import Kubectl, KubectlError


def collect(kubectl: Kubectl, folder: Path) -> None:
    """Write the pods, events and logs of a namespace into a folder; for missing ones, the reason."""
    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, read: Callable[[], str]) -> None:
        try:
            text = read()
        except KubectlError as error:
            text = str(error)
        if text:
            (folder / name).write_text(text)

    write("objects.txt", lambda: kubectl.run("get", "all,configmap,networkpolicy,pvc", "-o", "wide"))
    write("events.txt", lambda: kubectl.run("get", "events", "--sort-by=.lastTimestamp"))
    write("pods.txt", lambda: kubectl.run("describe", "pods"))
    try:
        pods = kubectl.items("pod")
    except KubectlError:
        return
    for pod in pods:
        name = pod["metadata"]["name"]
        write(f"{name}.log", lambda name=name: kubectl.logs(name))  # type: ignore[misc]
        for status in pod["status"].get("containerStatuses", []):
            if status["restartCount"]:
                container = status["name"]
                write(
                    f"{name}.{container}.previous.log",
                    lambda name=name, container=container: kubectl.logs(  # type: ignore[misc]
                        name, container=container, previous=True
                    ),
                )
