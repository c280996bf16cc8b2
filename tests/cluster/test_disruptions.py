"""What clusters do to pods that did nothing wrong: they are replaced, and the estimate does not notice."""

import pytest

from tests.cluster.estimates import Estimate, digits, estimate
from tests.cluster.installation import Installation

pytestmark = pytest.mark.cluster

EPOCHS = 700
TASKS = 2
CHUNKS = 4


def assert_replaced_within_the_try(started: Estimate, replaced: set[str]) -> None:
    """Check that training went on in other pods, without a retry, and that nothing was trained that was there."""
    tasks = started.wait_for_training()
    assert [task.try_number for task in tasks] == [1] * TASKS
    assert len(started.commits()) == CHUNKS
    assert replaced < set(started.pods_started())
    n_replaced = sum(started.log(task).count("Replacing it within this try (1 of ") for task in tasks)
    assert n_replaced == len(replaced)


def test_a_training_pod_is_deleted(airflow: Installation) -> None:
    with estimate(airflow, digits("deleted", seed=1, epochs=EPOCHS)) as started:
        name = started.wait_for_pods(1)[0]["metadata"]["name"]
        airflow.training.delete("pod", name)
        assert_replaced_within_the_try(started, {name})


def test_a_node_vanishes_under_a_training_pod(airflow: Installation) -> None:
    """As when a spot node is reclaimed: the pod vanishes without a SIGTERM."""
    with estimate(airflow, digits("vanished", seed=2, epochs=EPOCHS)) as started:
        name = started.wait_for_pods(1)[0]["metadata"]["name"]
        airflow.training.delete("pod", name, now=True)
        assert_replaced_within_the_try(started, {name})


def test_all_training_pods_are_evicted(airflow: Installation) -> None:
    """As when their nodes are drained for an upgrade."""
    with estimate(airflow, digits("evicted", seed=3, epochs=EPOCHS)) as started:
        names = {pod["metadata"]["name"] for pod in started.wait_for_pods(TASKS)}
        for name in names:
            airflow.training.evict(name)
        assert_replaced_within_the_try(started, names)


def test_scheduler_and_triggerer_are_killed(airflow: Installation) -> None:
    """They come back and wait for the same pods: none is started twice, each trial is trained once."""
    with estimate(airflow, digits("restarted", seed=4, epochs=EPOCHS)) as started:
        names = {pod["metadata"]["name"] for pod in started.wait_for_pods(TASKS)}
        for component in ("scheduler", "triggerer"):
            selector = f"app.kubernetes.io/component={component}"
            airflow.kubectl.delete("pod", selector=selector, now=True)
        tasks = started.wait_for_training()
        assert [task.try_number for task in tasks] == [1] * TASKS
        assert set(started.pods_started()) == names
        assert len(started.commits()) == CHUNKS
