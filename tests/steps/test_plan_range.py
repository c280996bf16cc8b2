"""A run may be planned over a range of its trials, by the command and for a request."""

from pathlib import Path

import pytest

from mempipe.catalog.requests import RunRequest, read_request
from mempipe.catalog.runs import list_runs
from mempipe.cli.main import run as command
from mempipe.orchestration.store_reader import missing_trials, read_run_request
from mempipe.runs import Span, read_plan, shard_key
from mempipe.storage import open_store
from tests.tiny import TINY


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(f"{TINY}task_size: 2\n")
    return str(path)


def test_a_range(spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = str(tmp_path / "store")
    options = ["--store", store, "--request", "id"]
    assert command(["plan", spec, *options, "--trials", "25:60"]) == 0
    uri = capsys.readouterr().out.strip()
    plan = read_plan(open_store(uri))
    assert (plan.span, plan.n_missing) == (Span(25, 60), 35)
    assert plan.tasks == (Span(25, 40), Span(40, 60))
    assert read_request(open_store(store), "id", RunRequest).span == Span(25, 60)
    assert read_run_request(store, "id", None)["trials"] == "25:60"
    assert missing_trials(store, "id") == [["train", uri, "--trials", span] for span in ("25:40", "40:60")]
    assert [(run.first, run.trials, run.n_done) for run in list_runs(open_store(store))] == [(25, 60, 0)]
    assert command(["plan", spec, *options, "--trials", "0:10"]) == 0
    assert read_plan(open_store(uri)).span == Span(25, 60), "the first plan of a request stays"
    assert command(["validate", uri]) == 0
    assert read_plan(open_store(uri)).tasks == (Span(25, 30), Span(30, 40), Span(40, 50), Span(50, 60))


def test_trials_are_added_where_the_range_begins(spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["plan", spec, "--store", str(tmp_path / "store")]
    assert command([*options, "--add-trials", "5"]) == 0
    run = open_store(capsys.readouterr().out.strip())
    assert read_plan(run).span == Span(0, 5)
    assert command([*options, "--trials", "20:40"]) == 0
    for span in (Span(0, 10), Span(20, 30), Span(30, 40)):
        run.create(shard_key(span), b"shard")
    assert command([*options, "--add-trials", "5"]) == 0
    assert read_plan(run).span == Span(20, 45)
    assert command(options) == 0
    assert read_plan(run).span == Span(0, 40)
