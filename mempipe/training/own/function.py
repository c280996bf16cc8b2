"""A function of the caller's own process as a trainer: `mempipe.run(spec, store=..., trainer=function)`."""

from collections.abc import Callable, Iterator
from typing import Any

from mempipe.data import Dataset
from mempipe.errors import ExitCode, MempipeError, TransientError, TrialError
from mempipe.training.own.session import Session
from mempipe.training.own.trials import Trials, predictions


def train_by_function(session: Session, function: Callable[[Trials], Any], dataset: Dataset) -> Iterator[None]:
    """Train the trials of a session; yields whenever something happened.

    Raises:
        TrialError: the function failed, or its predictions are not what they must be.
        TransientError: it asks to be tried again.
    """
    trainer = session.trainer
    trials = Trials(params=trainer.params, threads=trainer.threads, load=lambda: dataset, host=session)
    results = predictions(function, trials)
    while True:
        try:
            result = next(results, None)
        except TrialError:  # of the session, which names the trial
            raise
        except MempipeError as error:
            failed = session.failure(f"raised {type(error).__name__}: {error.message}", hint=error.hint)
            if error.exit_code == ExitCode.TRANSIENT:
                raise TransientError(failed.message, hint=error.hint) from error
            raise failed from error
        except Exception as error:
            raise session.failure(f"raised {type(error).__name__} ({error}), expected predictions") from error
        if result is None:
            break
        session.finish(result.trial, result.arrays)
        yield
    session.ended()
