"""Errors that pass and errors that do not, as the cluster shows them."""

import pytest

from tests.cluster.estimates import digits, estimate
from tests.cluster.installation import Installation

pytestmark = pytest.mark.cluster

SECONDS = 30


def test_the_store_answers_503_for_a_while(airflow: Installation) -> None:
    """Every step waits for the store; nothing fails and nothing is trained twice."""
    with estimate(airflow, digits("outage", seed=6, epochs=200)) as started:
        started.wait_for_pods(1)
        before = airflow.store.faults.answered()
        airflow.store.faults.start(seconds=SECONDS)
        try:
            tasks = started.wait_for_training()
        finally:
            airflow.store.faults.stop()
        assert airflow.store.faults.answered() > before
        assert [task.try_number for task in tasks] == [1, 1]
        assert len(started.commits()) == 4


def test_a_wrong_spec_is_not_tried_again(airflow: Installation) -> None:
    with estimate(airflow, digits("wrong", no_such_key=1)) as started:
        log = started.wait_for_failure("plan", "mempipe plan ended with code 20: permanent, not tried again.")
        assert started.wait() == "failed"
        task = started.task("plan")
    assert task.try_number == 1
    assert "no_such_key is an unknown key" in log
    assert "Hint: correct these keys" in log
