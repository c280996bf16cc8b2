"""Progress of a run: counts from listings, the rate from sidecars with known times, stalled runs."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from mempipe.catalog.status import STALL, WINDOW, Timing, measure_rate, run_status
from mempipe.cli.main import run as command
from mempipe.errors import RunError
from mempipe.places import SIDECARS
from mempipe.runs import Plan, Span, write_plan
from mempipe.spec import Component
from mempipe.storage import put
from mempipe.validation.validate import validate_run
from tests.validation.conftest import World, make_world

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def chunk(start: float, stop: float) -> Timing:
    """A chunk trained between these hours."""
    return Timing(started=NOON + timedelta(hours=start), finished=NOON + timedelta(hours=stop))


def test_one_machine() -> None:
    rate = measure_rate([(10, chunk(hour, hour + 1)) for hour in range(3)])
    assert rate.trials_per_hour == pytest.approx(10)
    assert rate.newest == NOON + timedelta(hours=3)
    assert rate.overdue == NOON + timedelta(hours=3 + STALL)


def test_machines_add_up() -> None:
    assert measure_rate([(10, chunk(0, 1)), (30, chunk(0, 1))]).trials_per_hour == pytest.approx(40)


def test_only_the_recent_window_counts() -> None:
    """Slow in the beginning, ten times as fast since: the rate is the later one, whatever the beginning was."""
    hours = WINDOW / timedelta(hours=1)
    slow = [(1, chunk(hour, hour + 1)) for hour in range(20)]
    fast = [(10, chunk(20 + hour, 21 + hour)) for hour in range(int(hours))]
    assert measure_rate(slow + fast).trials_per_hour == pytest.approx(10)


def test_a_chunk_that_began_before_the_window_counts_by_its_share() -> None:
    hours = WINDOW / timedelta(hours=1)
    timings = [(8, chunk(0, 4)), (2 * (int(hours) - 2), chunk(4, 2 + hours))]
    assert measure_rate(timings).trials_per_hour == pytest.approx(2)


def test_a_rest_before_an_extension_does_not_count() -> None:
    assert measure_rate([(10, chunk(0, 1)), (10, chunk(200, 201))]).trials_per_hour == pytest.approx(10)


@pytest.fixture
def world() -> World:
    """Of 60 planned trials 30 are committed, in a minute, on three machines at once."""
    world = make_world(uri=f"memory://{uuid.uuid4().hex}/runs/small-aaaaaaaaaaaa")
    world.fill(30)
    plan(world, Span(0, 60))
    return world


def plan(world: World, span: Span) -> None:
    data = Component(name="none")
    write_plan(
        world.run.store,
        Plan(first=span.start, trials=span.stop, n_missing=0, tasks=(), data=data, influence="class"),
    )


COMMITTED = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def test_a_run_under_way(world: World) -> None:
    status = run_status(world.run, now=COMMITTED + timedelta(seconds=30))
    assert (status.n_done, status.n_missing, status.n_quarantined) == (30, 30, 0)
    assert status.outcomes == ("correct",)
    assert status.n_bytes == sum(len(content) for content in world.objects("shards/").values())
    assert status.rate is not None
    assert status.rate.trials_per_hour == pytest.approx(1800)
    assert status.end == COMMITTED + timedelta(minutes=1)
    assert not status.is_validated
    assert status.releases == ()


def test_nothing_was_committed_for_long(world: World) -> None:
    status = run_status(world.run, now=COMMITTED + timedelta(hours=1))
    assert status.is_stalled
    assert status.end is None


def test_a_damaged_sidecar_tells_nothing(world: World) -> None:
    for info in list(world.run.store.list(SIDECARS)):
        put(world.run.store, info.key, b'{"started": "yesterday"}')
    status = run_status(world.run)
    assert (status.n_done, status.rate, status.end, status.is_stalled) == (30, None, None, False)


def test_a_validated_range_with_a_shard_that_was_moved_aside(world: World) -> None:
    plan(world, Span(10, 30))
    bad = world.ref(Span(10, 20))
    content = world.run.store.read(bad.key)
    put(world.run.store, bad.key, b"damaged")
    assert validate_run(world.run, Span(10, 30)).missing == (Span(10, 20),)
    status = run_status(world.run)
    assert (status.first, status.trials, status.n_done, status.n_quarantined) == (10, 30, 10, 10)
    world.run.store.create(bad.key, content)
    assert not run_status(world.run).is_validated
    validate_run(world.run, Span(10, 30))
    status = run_status(world.run)
    assert (status.n_done, status.n_missing, status.n_quarantined, status.is_validated) == (20, 0, 10, True)


def test_a_run_without_a_plan() -> None:
    world = make_world(uri=f"memory://{uuid.uuid4().hex}/runs/small-aaaaaaaaaaaa")
    with pytest.raises(RunError, match="Run has no plan"):
        run_status(world.run)


def test_the_command(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["status", world.run.uri]) == 0
    output = capsys.readouterr().out
    assert "30 (50%)" in output
    assert "unknown: nothing was committed for" in output
    assert command(["status", world.run.uri, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["n_missing"], document["is_stalled"], document["end"]) == (30, True, None)
    assert document["rate"]["newest"] == "2026-01-01T00:01:00+00:00"
