"""`mempipe ls` lists all of a store, also damaged and unfinished parts, without reading a shard."""

import json
from pathlib import Path

import pytest

from mempipe.catalog.releases import list_releases
from mempipe.catalog.results import list_results
from mempipe.catalog.runs import list_runs, n_committed
from mempipe.cli.main import run as command
from mempipe.places import MANIFEST, PLAN, RUN_RECORD, results_place
from mempipe.runs import Plan, Span, shard_key, write_plan
from mempipe.spec import Component
from mempipe.storage import open_store, put
from tests.experiments.releases import known_release
from tests.validation.conftest import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A run with 30 of 40 planned trials, whose shards are damaged: a listing must not mind."""
    world = make_world(uri=f"{tmp_path}/runs/small-aaaaaaaaaaaa")
    for start in (0, 10, 20):
        world.put(Span(start, start + 10), b"damaged")
    data = Component(name="none")
    write_plan(world.run.store, Plan(trials=40, n_missing=10, tasks=(), data=data, influence="class"))
    return world


def test_runs(world: World, tmp_path: Path) -> None:
    unplanned = make_world(uri=f"{tmp_path}/runs/other-aaaaaaaaaaaa")
    unplanned.put(Span(5, 10), b"x")
    root = open_store(str(tmp_path))
    other, small = list_runs(root)
    assert (small.id, small.uri, small.key) == ("small-aaaaaaaaaaaa", world.run.uri, "a" * 64)
    assert (small.n_done, small.n_planned, small.problem) == (30, 40, None)
    assert (other.n_done, other.n_planned, other.problem) == (5, None, None)


@pytest.mark.parametrize("key", [RUN_RECORD, PLAN])
def test_a_damaged_run_is_listed(world: World, tmp_path: Path, key: str) -> None:
    put(world.run.store, key, b"{")
    (entry,) = list_runs(open_store(str(tmp_path)))
    assert (entry.n_done, entry.n_planned) == (30, None)
    assert key in (entry.problem or "")


@pytest.mark.parametrize(
    ("span", "committed", "n"),
    [
        (Span(0, 10), [], 0),
        (Span(0, 10), [Span(0, 4), Span(2, 6), Span(20, 30)], 6),
        (Span(5, 10), [Span(0, 7)], 2),
        (Span(0, 0), [Span(0, 7)], 0),
    ],
)
def test_committed_trials_count_once(span: Span, committed: list[Span], n: int) -> None:
    assert n_committed(span, committed) == n


def test_releases_and_results(tmp_path: Path) -> None:
    release = known_release(tmp_path, [1], [[1]])
    root = open_store(str(tmp_path))
    (entry,) = list_releases(root)
    manifest = release.manifest
    assert (entry.name, entry.id, entry.uri, entry.is_latest) == (manifest.name, manifest.id, release.uri, True)
    assert (entry.key, entry.n_trials, entry.created) == (manifest.key, manifest.n_trials, manifest.created)
    place = root.child(results_place(manifest.name, manifest.id))
    for key in ("pairs-0123456789ab.json", "plans/pairs-0123456789ab.json", "notes.txt"):
        place.create(key, b"not read")
    (result,) = list_results(root)
    assert (result.experiment, result.name, result.release) == ("pairs", manifest.name, manifest.id)
    assert result.uri == f"{place.uri}/pairs-0123456789ab.json"
    assert root.read(result.uri.removeprefix(f"{root.uri}/")) == b"not read"


def test_a_damaged_release_is_listed_and_an_unfinished_one_is_not(tmp_path: Path) -> None:
    release = known_release(tmp_path, [1], [[1]])
    root = open_store(str(tmp_path))
    root.create("releases/known/known-unfinished/examples.parquet", b"x")
    put(open_store(release.uri), "manifest.json", b"{")
    (entry,) = list_releases(root)
    assert (entry.id, entry.is_latest, entry.n_trials) == (release.manifest.id, True, None)
    assert "manifest.json is damaged (content: " in (entry.problem or "")


def test_documents_of_a_later_version_are_listed(world: World, tmp_path: Path) -> None:
    release = known_release(tmp_path, [1], [[1]])
    for store, key in ((world.run.store, PLAN), (open_store(release.uri), MANIFEST)):
        put(store, key, store.read(key).replace(b'"schema_version": 1', b'"schema_version": 9', 1))
    root = open_store(str(tmp_path))
    for entry in (*list_runs(root), *list_releases(root)):
        assert "schema_version is 9" in (entry.problem or "")


def test_a_bucket(gcs_bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_world(uri=f"gs://{gcs_bucket}/lab/runs/small-aaaaaaaaaaaa").run
    run.store.create(shard_key(Span(0, 10)), b"not read")
    data = Component(name="none")
    write_plan(run.store, Plan(trials=40, n_missing=30, tasks=(), data=data, influence="class"))
    assert command(["ls", f"gs://{gcs_bucket}/lab"]) == 0
    assert "30 missing" in capsys.readouterr().out
    assert command(["status", run.uri]) == 0
    assert "10 (25%)" in capsys.readouterr().out


def test_the_command(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = known_release(tmp_path, [1], [[1]])
    assert command(["ls", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    for text in ("small-aaaaaaaaaaaa", "10 missing", release.manifest.id, "latest"):
        assert text in output
    assert command(["ls", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [run["n_done"] for run in document["runs"]] == [30]
    assert [entry["id"] for entry in document["releases"]] == [release.manifest.id]
    assert document["results"] == []


def test_an_empty_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["ls", str(tmp_path / "nowhere")]) == 0
    assert "No runs, releases or results." in capsys.readouterr().out
    assert not (tmp_path / "nowhere").exists()
