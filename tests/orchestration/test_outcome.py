"""Exit codes and mempipe's errors in Airflow's words."""

import signal

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from mempipe.errors import IncompleteRunError, SpecError
from mempipe.orchestration.outcome import failure, mempipe_errors


@pytest.mark.parametrize("code", [1, 2, 10, 130, 137, 143, -signal.SIGKILL, -signal.SIGSEGV, None])
def test_what_may_pass_is_tried_again(code: int | None):
    error = failure(code, what="mempipe train")
    assert isinstance(error, AirflowException)
    assert not isinstance(error, AirflowFailException)
    assert "tried again" in str(error)


def test_permanent_failures_are_not_tried_again():
    error = failure(20, what="mempipe plan", last_lines=["Error: Spec cannot be used.", "Hint: correct it."])
    assert isinstance(error, AirflowFailException)
    assert str(error) == (
        "mempipe plan ended with code 20: permanent, not tried again.\n"
        "  Error: Spec cannot be used.\n"
        "  Hint: correct it."
    )


@pytest.mark.parametrize(("code", "name"), [(-9, "SIGKILL"), (137, "SIGKILL"), (-15, "SIGTERM"), (139, "SIGSEGV")])
def test_signals_are_named(code: int, name: str):
    assert f"was killed by {name}" in str(failure(code, what="mempipe train"))


def test_details_come_before_the_last_lines():
    text = str(failure(137, what="mempipe train", detail="Pod p: OOMKilled.", last_lines=["progress: 3 of 4"]))
    assert text.splitlines()[1:] == ["Pod p: OOMKilled.", "  progress: 3 of 4"]


def test_own_errors_inside_a_task():
    with pytest.raises(AirflowFailException, match="Hint: correct it"), mempipe_errors():
        raise SpecError("Spec cannot be used.", hint="correct it.")
    with pytest.raises(AirflowException, match="Hint: wait") as caught, mempipe_errors():
        raise IncompleteRunError("Trials are missing.", hint="wait.")
    assert not isinstance(caught.value, AirflowFailException)
