"""A campaign that cannot be completed: what is trained, how often, and the message."""

from io import StringIO

import pytest

from mempipe.errors import IncompleteRunError
from mempipe.runs import Goal, Span, plan_campaign, read_plan
from mempipe.spec import Component
from mempipe.steps.campaign import ROUNDS, complete
from mempipe.steps.progress import LineReporter
from tests.validation.conftest import World, make_world


def test_what_stays_corrupt_is_named_and_the_rest_is_trained_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two runs, one comes back with other bad bytes each time."""
    worlds = [make_world(), make_world()]
    campaign = [
        Goal(world.run, Span(0, trials), role) for world, trials, role in zip(worlds, (20, 30), "ab", strict=True)
    ]
    calls: list[tuple[str, Span]] = []

    def train(goal: Goal, reporter: object, *, n_workers: int | None) -> None:
        world: World = worlds["ab".index(goal.role)]
        for chunk in goal.missing():
            calls.append((goal.role, chunk))
            if (goal.role, chunk.start) == ("b", 10):
                world.put(chunk, f"bad {len(calls)}".encode())
            else:
                world.commit(chunk)

    monkeypatch.setattr("mempipe.steps.campaign.train_missing", train)
    plan_campaign(campaign, task_sizes=[1, 1], data=Component(name="none"), influence="full")
    with pytest.raises(IncompleteRunError, match=f"{worlds[1].run.uri} lacks 10 trials after {ROUNDS} rounds") as error:
        complete(campaign, LineReporter(StringIO()), n_workers=1)
    assert worlds[0].run.uri not in str(error.value)
    chunks = [Span(start, start + 10) for start in (0, 10, 20)]
    first = [("a", chunk) for chunk in chunks[:2]] + [("b", chunk) for chunk in chunks]
    assert calls == first + [("b", chunks[1])] * (ROUNDS - 1)
    plans = [read_plan(world.run.store) for world in worlds]
    assert [(plan.trials, plan.tasks, plan.influence) for plan in plans] == [
        (20, (), "full"),
        (30, (chunks[1],), "full"),
    ]
