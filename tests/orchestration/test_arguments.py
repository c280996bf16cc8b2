"""From a DAG run's form to the arguments of `mempipe plan`."""

import re
from types import SimpleNamespace

import pytest

from mempipe.orchestration.arguments import plan_arguments, request_id, xcom_field

EMPTY = {"trials": None, "add_trials": None, "chunk_size": None, "task_size": None, "release_name": None}


def context(**params: object) -> dict[str, object]:
    return {
        "params": {"spec": "/specs/digits.yaml", "store": "/store"} | EMPTY | params,
        "dag": SimpleNamespace(dag_id="estimate_scores"),
        "run_id": "manual__2026-11-23T20:48:59.410629+00:00",
    }


def test_an_empty_form_leaves_all_to_the_spec():
    request = request_id("estimate_scores", "manual__2026-11-23T20:48:59.410629+00:00")
    assert plan_arguments(context()) == ["plan", "/specs/digits.yaml", "--store", "/store", "--request", request]


def test_a_filled_form_becomes_options():
    arguments = plan_arguments(context(trials=500, chunk_size=50, task_size=2))
    assert arguments[2:10] == ["--store", "/store", "--trials", "500", "--chunk-size", "50", "--task-size", "2"]


def test_a_contradiction_is_left_to_the_command():
    arguments = plan_arguments(context(trials=500, add_trials=100))
    assert {"--trials", "--add-trials"} <= set(arguments)


@pytest.mark.parametrize(
    "run_id",
    [
        "manual__2026-11-23T20:48:59.410629+00:00",
        "scheduled__2026-11-23T00:00:00+00:00",
        "a b/ü",
        "../../escape",
        "x" * 250,
    ],
)
def test_a_request_id_is_a_legal_object_name(run_id: str):
    assert re.fullmatch(r"[A-Za-z0-9._=-]{1,120}", request_id("estimate_scores", run_id))


def test_request_ids_that_look_alike_differ():
    assert request_id("d", "a:b") != request_id("d", "a+b")
    assert request_id("d", "x" * 250 + "1") != request_id("d", "x" * 250 + "2")
    assert request_id("d", "a") == request_id("d", "a")


def test_template_of_what_was_read():
    assert xcom_field("run", task_id="read_request") == "{{ ti.xcom_pull(task_ids='read_request')['run'] }}"
