"""Which releases a DAG run is about: its form's, or those whose announcement started it; and the commands for them."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from mempipe.errors import InputError
from mempipe.orchestration.arguments import request_id
from mempipe.orchestration.assets import RELEASES, RESULTS, announced_releases, new_results
from mempipe.orchestration.jobs import (
    Job,
    experiment_arguments,
    features_arguments,
    finish_arguments,
    jobs_of,
)
from mempipe.storage import open_store

RUN_ID = "asset_triggered__2026-11-23T20:48:59+00:00"
REQUEST = request_id("experiment_pairs", RUN_ID)


def context(events: dict[Any, list[dict[str, Any] | None]] | None = None, **params: Any) -> dict[str, Any]:
    inlets = {asset: [SimpleNamespace(extra=extra) for extra in extras] for asset, extras in (events or {}).items()}
    return {
        "params": {"release": None, "store": None} | params,
        "dag": SimpleNamespace(dag_id="experiment_pairs"),
        "run_id": RUN_ID,
        "triggering_asset_events": inlets,
    }


def release(number: int) -> dict[str, str]:
    return {"name": "digits", "id": f"digits-{number}", "release": f"gs://b/x/releases/digits/digits-{number}"}


def test_the_form_counts_and_its_store_is_the_releases():
    jobs = jobs_of(context({RELEASES: [release(1)]}, release="/s/releases/tiny"))
    assert jobs == [Job("/s/releases/tiny", "/s", REQUEST)]
    (other,) = jobs_of(context(release="/s/releases/tiny/tiny-1", store="gs://b"))
    assert other.store == "gs://b"


def test_all_that_were_announced_since_the_last_run():
    """Events queue while a run is active: none is lost, and a release of two events is handled once."""
    results = {"results": [{"result": "r", **release(3)}, {"result": "q", **release(1)}]}
    events = {RELEASES: [release(2), release(1), release(2)], RESULTS: [results]}
    jobs = jobs_of(context(events))
    assert [item.release for item in jobs] == [release(number)["release"] for number in (1, 2, 3)]
    assert {item.store for item in jobs} == {"gs://b/x"}
    assert [item.request for item in jobs] == [REQUEST, f"{REQUEST}.1", f"{REQUEST}.2"]


@pytest.mark.parametrize("events", [None, {RELEASES: [None, {}, {"note": "made by hand"}]}])
def test_nothing_to_do_is_said(events: Any):
    with pytest.raises(InputError, match="release is empty, expected the URI of a release"):
        jobs_of(context(events))


@pytest.mark.parametrize("uri", ["/copied/tiny-1", "gs://b/releases", "gs://b/releases/a/b/c"])
def test_a_release_outside_a_store_needs_one(uri: str):
    with pytest.raises(InputError, match="Store is not known"):
        jobs_of(context(release=uri))
    assert jobs_of(context(release=uri, store="/s"))[0].store == "/s"


def test_commands():
    job = Job("/s/releases/tiny", "/s", "id")
    assert experiment_arguments("pairs", {"mem": 0.5, "list": [1, 2]}, job) == [
        *("experiment", "plan", "--params", json.dumps({"mem": 0.5, "list": [1, 2]})),
        *("--store", "/s", "--request", "id", "pairs", "/s/releases/tiny"),
    ]
    features = context(release="/s/releases/tiny", trials=None, epochs=40)
    words = ["experiment", "features", "/s/releases/tiny", "--store", "/s", "--request", REQUEST]
    assert features_arguments(features) == [*words, "--epochs", "40"]
    features["params"]["trials"] = 7
    assert features_arguments(features) == [*words, "--trials", "7", "--epochs", "40"]
    with pytest.raises(AirflowFailException, match="Store is not known"):  # permanent: not tried again
        features_arguments(context(release="/x", trials=None, epochs=40))


def test_the_command_line_takes_them(tmp_path):
    """What the DAGs build is parsed by the real command line, which then misses the release."""
    from mempipe.cli.main import run

    for arguments in (
        experiment_arguments("influencers", {"repeats": 3}, Job(str(tmp_path), str(tmp_path), "id")),
        ["experiment", "features", str(tmp_path), "--store", str(tmp_path), "--request", "id", "--epochs", "40"],
        ["experiment", "validate", str(tmp_path / "plans" / "x.json")],
        ["report", "--out", str(tmp_path / "out"), str(tmp_path)],
    ):
        assert run(arguments) == 20


def test_the_command_that_finishes_names_the_plan(tmp_path):
    open_store(str(tmp_path)).create("requests/id.linear.json", b'{"plan": "/s/plans/x.json"}')
    arguments = finish_arguments(Job("/s/releases/tiny", str(tmp_path), "id"), ".linear")
    assert arguments == ["experiment", "finish", "--request", "id.linear", "/s/plans/x.json"]


def test_a_result_is_news_once():
    old, new = {"result": "/s/a-1.json"}, {"result": "/s/a-2.json"}
    assert new_results([old, new], [{}, {"results": [old]}]) == [new]
    assert new_results([old], [{"results": [new]}, {"results": [old]}]) == []
    assert new_results([old], []) == [old]


def test_events_tell_of_releases():
    assert announced_releases([release(2), {"results": [release(1), {"result": "x"}]}, {}]) == [
        release(1)["release"],
        release(2)["release"],
    ]
