"""Several machines train one run: what another one commits meanwhile is not trained again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mempipe.runs import Span
from mempipe.spec import Spec, validated
from mempipe.steps.plan import PlanOptions, plan
from mempipe.steps.progress import SilentReporter
from mempipe.steps.train import train

SPEC = {
    "name": "shared",
    "data": {"name": "digits"},
    "trainer": {"kind": "own", "entry": "here:train", "version": "1", "output": "correctness"},
    "outcomes": ["correct"],
    "trials": 6,
    "chunk_size": 2,
}


class Progress:
    """A reporter that adds up what is done."""

    def __init__(self) -> None:
        self.done = 0.0

    def note(self, text: str) -> None:
        """Drop it."""

    @contextmanager
    def stage(self, label: str, *, total: float, unit: str) -> Iterator[Callable[[float], None]]:
        """Count."""
        assert total == 6

        def advance(amount: float) -> None:
            self.done += amount

        yield advance


def right(trial: Any) -> Any:
    return trial.correctness(np.ones(trial.n_train, bool), np.ones(trial.n_test, bool))


@pytest.mark.parametrize(("width", "drawn"), [(1, [0, 1, 4, 5]), (3, [0, 1, 2, 4, 5]), (6, [0, 1, 2, 3, 4, 5])])
def test_a_chunk_that_another_machine_commits_is_passed_over(width: int, drawn: list[int], tmp_path: Path) -> None:
    """Trials 2 and 3 are committed elsewhere while trial 0 is trained; those that were drawn before are dropped."""
    progress = Progress()
    goal = plan(validated(Spec, SPEC, source="spec"), str(tmp_path), PlanOptions(has_trainer=True), progress)
    numbers: list[int] = []

    def elsewhere(trials: Any) -> Any:
        yield from map(right, trials)

    def here(trials: Any) -> Any:
        for group in trials.groups(width):
            for trial in group:
                numbers.append(trial.number)
                trial.progress(0.5)
                if trial.number == 0:
                    train(goal.run.uri, Span(2, 4), SilentReporter(), function=elsewhere)
            yield from map(right, group)

    train(goal.run.uri, goal.trials, progress, function=here)
    assert numbers == drawn
    assert progress.done == pytest.approx(6)
    assert not goal.missing()
