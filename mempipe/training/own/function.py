"""A function of the caller's own process as a trainer: `mempipe.run(spec, store=..., trainer=function)`."""

from collections.abc import Callable, Iterator
from typing import Any

from mempipe.errors import MempipeError
from mempipe.training.own.session import Session
from mempipe.training.own.trials import Trials, predictions


def train_by_function(session: Session, function: Callable[[Trials], Any], data: dict[str, Any]) -> Iterator[None]:
    """Train the trials of a session; yields whenever something happened.

    Raises:
        TrialError: the function failed, or its predictions are not what they must be.
    """
    trainer = session.trainer
    trials = Trials(params=trainer.params, threads=trainer.threads, data=data, host=session)
    results = predictions(function, trials)
    while True:
        try:
            result = next(results, None)
        except MempipeError:
            raise
        except Exception as error:
            raise session.failure(f"raised {type(error).__name__} ({error}), expected predictions") from error
        if result is None:
            break
        session.finish(result.trial, result.arrays)
        yield
    session.ended()
